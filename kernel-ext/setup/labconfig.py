# Written by `gantry setup`.
c = get_config()  # noqa: F821
c.MultiKernelManager.default_kernel_name = "gantry"
c.ContentsManager.allow_hidden = False
c.FileContentsManager.delete_to_trash = False
