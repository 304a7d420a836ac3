"""A Slurm cluster of one node on loopback: a real slurmctld and slurmd, without a data base or munge. Needs root and Debian's slurmctld, slurmd
and slurm-client."""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import time

PATIENCE = 60  # seconds the node may take to be idle

CONFIGURATION = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CryptoType=crypto/none
CredType=cred/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=0
MailProg=/bin/true
ReturnToService=2
KillWait=30
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def cluster(folder):
    """The environment variables by which Slurm's commands find the cluster."""
    for program in ("slurmctld", "slurmd", "sbatch"):
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin"):
            raise RuntimeError(f"there is no {program}: apt install slurmctld slurmd slurm-client")
    for name in ("state", "spool"):
        pathlib.Path(folder, name).mkdir(parents=True)
    configuration = pathlib.Path(folder, "slurm.conf")
    configuration.write_text(CONFIGURATION.format(folder=folder, host=socket.gethostname().split(".")[0], controller=free_port(), node=free_port(),
                                                  cpus=os.cpu_count()))
    environment = {"SLURM_CONF": str(configuration), "PATH": os.environ["PATH"] + ":/usr/sbin"}
    daemons = []
    try:
        for program in ("slurmctld", "slurmd"):
            with open(pathlib.Path(folder, program + ".out"), "wb") as log:
                daemons.append(subprocess.Popen([program, "-D"], env=os.environ | environment, stdout=log, stderr=log))
        end = time.monotonic() + PATIENCE
        while True:
            state = subprocess.run(["sinfo", "-h", "-o", "%T"], env=os.environ | environment, capture_output=True, text=True)
            if state.stdout.strip() == "idle":
                break
            if time.monotonic() > end:
                raise RuntimeError(f"the node is {state.stdout.strip()!r}, {state.stderr.strip()!r}: " + "".join(
                    p.read_text(errors="replace")[-2000:] for p in pathlib.Path(folder).glob("*.log")))
            time.sleep(0.5)
        yield environment
    finally:
        subprocess.run(["scancel", "--user", "root"], env=os.environ | environment, capture_output=True)
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            daemon.wait()
