package sweep

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// ownPython is the Python of an environment that `make` installs below the checkout's .venv; "": that with JupyterLab.
func (t Train) ownPython(environment string) string {
	return filepath.Join(t.Root, ".venv", environment, "bin", "python")
}

// pythonWith finds the Python that has a library: the one that is named, or else the library's own, by the `make` target of its name. Errors wrap ErrEngine.
func (t Train) pythonWith(library, named string) (string, error) {
	target := strings.ToLower(library)
	if named == "" {
		named = t.ownPython(target)
	}
	python, err := exec.LookPath(named)
	if err != nil {
		return "", fmt.Errorf("%w: there is no %s: run `make %s`, or name a Python that has it by --python (%w)", ErrEngine, library, target, err)
	}
	if err := exec.Command(python, "-c", "import importlib.util as u, sys; sys.exit(u.find_spec(sys.argv[1]) is None)", target).Run(); err != nil {
		return "", fmt.Errorf("%w: %s has no %s: run `make %s`, or name a Python that has it by --python", ErrEngine, python, library, target)
	}
	return python, nil
}

// pythonCommand is a Python program that gets what it is given as JSON on standard input. The end of what it says on standard error is kept. A context that
// ends tells it to end, and it has endPatience to do so.
func pythonCommand(ctx context.Context, python, program string, given any) (c *exec.Cmd, said *tail, err error) {
	text, err := json.Marshal(given)
	if err != nil {
		return nil, nil, err
	}
	said = &tail{noRoom: func() {}}
	c = exec.CommandContext(ctx, python, "-c", program)
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(text), io.Discard, said
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = endPatience
	return c, said, nil
}
