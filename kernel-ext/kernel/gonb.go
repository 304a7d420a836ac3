package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	cellbuild "gantry.local/kernel-ext/cell"
	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/internal/wholefile"
	"gantry.local/kernel-ext/jupyter"
	"gantry.local/kernel-ext/jupyter/zmtp"
)

const (
	// stopPatience is how long the program of a cell may take to end in order when the kernel does; the next kernel
	// waits for that, and Jupyter kills a kernel that takes 5 s or more.
	stopPatience  = time.Second
	startPatience = 60 * time.Second
)

// gonb is the running GoNB process with its four links; heartbeats are answered in front, so the fifth is not needed.
// The three DEALER links share one identity because GoNB asks for input at the identity of the execute request.
type gonb struct {
	temp                         *temp
	scripts                      scripts
	signer                       jupyter.Signer
	shell, control, stdin, iopub *jupyter.Link
	pid                          int
	log                          *jupyter.Logger
	guard                        *exec.Cmd
	alive                        *os.File
	unpinned                     error // why cells do not see the project's modules

	exited chan struct{} // closed when the process has ended
	reason error         // why; valid once exited is closed
}

// startGoNB starts the executable and connects to it. jupyterFile names Jupyter's connection file: GoNB takes the
// kernel's id from the name of its own. project is the root of the module that cells see, sockets are this kernel's own.
func startGoNB(ctx context.Context, executable, jupyterFile, project string, log *jupyter.Logger, sockets ...string) (_ *gonb, err error) {
	base, err := tempBase(log)
	if err != nil {
		return nil, err
	}
	go sweepTemp(base, log)
	made, err := makeTemp(base)
	if err != nil {
		return nil, err
	}
	temp := made.dir
	g := &gonb{temp: made, scripts: scripts{temp}, signer: jupyter.Signer{Key: []byte(jupyter.NewID())}, log: log, exited: make(chan struct{})}
	defer func() {
		if err != nil {
			g.stop()
		}
	}()

	// Unix sockets in a private folder: no other user can connect, and no other process can take a port meanwhile.
	file := filepath.Join(temp, filepath.Base(jupyterFile))
	info, err := json.Marshal(jupyter.Connection{
		Transport: "ipc", IP: filepath.Join(temp, "z"), Key: string(g.signer.Key), SignatureScheme: "hmac-sha256",
		Shell: 1, IOPub: 2, Stdin: 3, Control: 4, Heartbeat: 5,
	})
	if err != nil {
		close(g.exited)
		return nil, err
	}
	if err := wholefile.WriteTransient(file, info, 0o600); err != nil {
		close(g.exited)
		return nil, err
	}
	if err := g.scripts.write(filepath.Dir(executable)); err != nil {
		close(g.exited)
		return nil, err
	}
	g.unpinned = pin(project, g.scripts.mod(), g.scripts.sum())
	cmd := exec.Command(executable, "--kernel", file, "--logtostderr", "--raw_error")
	cmd.Env = append(gonbEnvironment(g.scripts, executable), channel.Env+"="+channel.Path(jupyterFile))
	if err := g.start(cmd); err != nil {
		close(g.exited)
		return nil, fmt.Errorf("cannot start GoNB: %w; run make setup", err)
	}
	if err := g.watch(channel.Path(jupyterFile), sockets...); err != nil {
		return nil, err
	}

	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	go func() { // stop dialling a process that is gone
		select {
		case <-g.exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	identity := "gantry-" + jupyter.NewID()
	for _, l := range []struct {
		to   **jupyter.Link
		kind zmtp.Kind
		port int
	}{{&g.iopub, zmtp.Sub, 2}, {&g.shell, zmtp.Dealer, 1}, {&g.stdin, zmtp.Dealer, 3}, {&g.control, zmtp.Dealer, 4}} {
		socket := fmt.Sprintf("%s-%d", filepath.Join(temp, "z"), l.port)
		if err = closeToOthers(ctx, socket); err == nil {
			*l.to, err = jupyter.Dial(ctx, l.kind, "ipc://"+socket, identity)
		}
		if err != nil {
			select {
			case <-g.exited:
				return nil, g.reason
			default:
				return nil, fmt.Errorf("GoNB does not answer: %w", err)
			}
		}
	}
	return g, g.iopub.Subscribe()
}

// closeToOthers waits for a socket that GoNB makes, with the umask of its cells, and gives it mode 0600.
func closeToOthers(ctx context.Context, socket string) error {
	for {
		err := os.Chmod(socket, 0o600)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// gonbEnvironment is this process's environment with temporary files directed to the folder that goes with the kernel,
// and with the scripts first on PATH and then the folder of the executable, where set-up puts goimports and gopls too.
// A program that is to outlive the kernel finds the lasting temporary folder in GANTRY_TMPDIR.
func gonbEnvironment(s scripts, executable string) []string {
	path := []string{s.bin(), filepath.Dir(executable), os.Getenv("PATH")}
	return append(os.Environ(),
		"GANTRY_TMPDIR="+os.TempDir(), "TMPDIR="+s.temp, "GOTMPDIR="+s.temp, "BASH_ENV="+s.hook(),
		"GOFLAGS="+BuildFlags(os.Getenv("GOFLAGS")), cellbuild.EnvCache+"="+quickCache(),
		"PATH="+strings.Join(path, string(os.PathListSeparator)))
}

// start runs cmd in a session of its own and keeps watching it. The operating system kills the process when the
// thread that started it ends (stopWithParent), so one goroutine starts it, keeps its thread, and waits.
func (g *gonb) start(cmd *exec.Cmd) error {
	stderr, w, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = w, w
	cmd.ExtraFiles = []*os.File{stderr} // else GoNB dies of SIGPIPE when this process is killed, leaving gopls behind
	cmd.SysProcAttr = ownSession()
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		w.Close()
		if err == nil {
			g.pid = cmd.Process.Pid
		}
		started <- err
		if err != nil {
			stderr.Close()
			return
		}
		said := &tail{}
		var copied sync.WaitGroup
		copied.Go(func() { io.Copy(io.MultiWriter(g.log, said), stderr) })
		err = cmd.Wait()
		killSession(g.pid) // whatever GoNB left; also ends those that hold its stderr
		copied.Wait()
		stderr.Close()
		if err == nil {
			err = errors.New("exit status 0")
		}
		g.reason = fmt.Errorf("GoNB stopped: %w; its last words: %q", err, said.lastLine())
		close(g.exited)
	}()
	return <-started
}

// stop ends GoNB and everything it started, and removes its files. It is called once.
func (g *gonb) stop() {
	if g.pid != 0 {
		g.endPrograms()
		killSession(g.pid) // GoNB and gopls have nothing to lose
		<-g.exited
	}
	for _, l := range []*jupyter.Link{g.shell, g.control, g.stdin, g.iopub} {
		if l != nil {
			l.Close()
		}
	}
	if err := g.temp.remove(); err != nil {
		g.log.Printf("cannot remove %s: %v", g.temp.dir, err)
	}
	if g.guard != nil {
		g.guard.Process.Kill()
		g.guard.Wait()
		g.alive.Close()
	}
}

// endPrograms asks the programs and shell lines that run to end, and waits for them.
func (g *gonb) endPrograms() {
	left := g.processes(1)
	for _, m := range left {
		terminate(m.pid)
	}
	for deadline := time.Now().Add(stopPatience); len(left) > 0 && time.Now().Before(deadline); left = g.processes(1) {
		time.Sleep(5 * time.Millisecond)
	}
}

// guardScript waits for the end of this process, however it ends, and clears away what nobody else can then: programs
// that do not listen, the private folder, the socket of the channel, and those of the kernel, unless the next kernel has them already: then
// a socket is younger than what is in the folder, or that kernel has removed the folder. GoNB and gopls mostly end by
// themselves; a gopls that has just been started does not, so what is left of the session is ended.
const guardScript = `trap '' INT TERM HUP
temp=%[2]s
socket=%[3]s
read -r end
sleep 1
kill -KILL -%[1]d
for stat in /proc/[0-9]*/stat; do
	read -r line <"$stat" || continue
	set -- ${line##*) }
	[ "$4" = %[1]d ] && kill -KILL "${line%%%% *}"
done
for file in "$socket"%[4]s; do
	if [ -e "$temp/bin" ] && [ ! "$file" -nt "$temp/bin" ]; then
		rm -f "$file"
	fi
done
rmdir "${socket%%/*}"
rmdir "${file%%/*}"
rm -rf "$temp"
`

// watch starts the guard. socket is the channel's, others are the kernel's own, all in one folder.
func (g *gonb) watch(socket string, others ...string) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	more := ""
	for _, other := range others {
		more += " " + quote(other)
	}
	guard := exec.Command("/bin/sh", "-c", fmt.Sprintf(guardScript, g.pid, quote(g.temp.dir), quote(socket), more))
	guard.Dir, guard.Env, guard.Stdin = "/", []string{"PATH=" + os.Getenv("PATH")}, r
	guard.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := guard.Start(); err != nil {
		w.Close()
		return err
	}
	g.guard, g.alive = guard, w // w stays open as long as this process is there
	return nil
}

// findGoNB looks for the gonb executable beside the running one, then on PATH.
func findGoNB() (string, error) {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "gonb")
		if info, err := os.Stat(beside); err == nil && !info.IsDir() {
			return beside, nil
		}
	}
	path, err := exec.LookPath("gonb")
	if err != nil {
		return "", errors.New("gonb not found beside this program or on PATH; run make setup")
	}
	return path, nil
}

// tail remembers the last bytes written to it.
type tail struct{ bytes []byte }

// Write keeps the end of what it is given; it implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	const keep = 4096
	t.bytes = append(t.bytes, p...)
	t.bytes = t.bytes[max(0, len(t.bytes)-keep):]
	return len(p), nil
}

// lastLine returns the last line that is not empty.
func (t *tail) lastLine() string {
	lines := strings.Split(strings.TrimSpace(string(t.bytes)), "\n")
	return lines[len(lines)-1]
}
