# Written by `gantry setup`.
import os
import tempfile
import uuid

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

c = get_config()  # noqa: F821


class PrivateSockets(AsyncMappingKernelManager):
    """Starts Go kernels at Unix sockets instead of TCP ports, to which every user of the machine could connect. The kernel
    makes their folder, for this user alone, and removes it when it ends."""

    def pre_start_kernel(self, kernel_name, kwargs):
        manager, name, kernel_id = super().pre_start_kernel(kernel_name, kwargs)
        if name == "gantry":
            temporary = tempfile.gettempdir()
            if len(temporary) > 60:  # the path of a socket has at most 107 bytes
                temporary = "/tmp"
            manager.transport, manager.ip = "ipc", os.path.join(temporary, f"gantry-{uuid.uuid4().hex[:16]}", "k")
        return manager, name, kernel_id


c.ServerApp.kernel_manager_class = PrivateSockets
c.MultiKernelManager.default_kernel_name = "gantry"
c.ContentsManager.allow_hidden = False
c.FileContentsManager.delete_to_trash = False
