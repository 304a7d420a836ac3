package cell

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// step prepares one command of a plan. What the command says is of no use: when it fails, the go command runs it again
// and says it; when it does not, GoNB asks for nothing.
func step(command []string, fill map[string]string, env []string) *exec.Cmd {
	args := make([]string, len(command))
	for i, word := range command {
		flag, value, assigned := strings.Cut(word, "=")
		if filled, ok := fill[word]; ok {
			word = filled
		} else if filled, ok := fill[value]; ok && assigned {
			word = flag + "=" + filled
		}
		args[i] = word
	}
	cmd := exec.Command(args[0], args[1:]...)
	// A short process is over before a collection would pay. The limit is for one that is not short.
	cmd.Env = append(append(os.Environ(), env...), "GOGC=off", "GOMEMLIMIT=1GiB")
	cmd.SysProcAttr = endWithParent()
	return cmd
}

func run(command []string, fill map[string]string, env []string) bool {
	return step(command, fill, env).Run() == nil
}

// linkPatience is how long a linker may take to leave when it is not needed.
const linkPatience = time.Second

// EnvEarly tells the linker of package quicklink to load all packages but main and then to wait for a byte on its
// standard input.
const EnvEarly = "GANTRY_LINK_EARLY"

// Linker is the name of the linker of package quicklink for one version of Go.
func Linker(version string) string { return "gantry-link-" + version }

// linker is a link that is under way before there is anything to link, or one that is yet to start where only the
// linker of the Go tree is there.
type linker struct {
	cmd     *exec.Cmd
	ready   io.WriteCloser // nil: not started
	settled bool
}

// startLinker starts a link, to a base if that is not empty.
func startLinker(p *plan, fill map[string]string, base string) *linker {
	command := slices.Clone(p.Link)
	early := earlyLinker(p)
	if early == "" {
		return &linker{cmd: step(command, fill, p.Env)}
	}
	command[0] = early
	cmd := step(command, fill, append(slices.Clone(p.Env), EnvEarly+"=1", EnvBase+"="+base))
	ready, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return &linker{cmd: step(p.Link, fill, p.Env)}
	}
	return &linker{cmd: cmd, ready: ready}
}

// earlyLinker returns the linker of package quicklink for the Go tree of a plan, empty if there is none.
func earlyLinker(p *plan) string {
	i := slices.Index(p.Compile, "-goversion")
	self, err := os.Executable()
	if err != nil || i < 0 || i+1 == len(p.Compile) {
		return ""
	}
	file := filepath.Join(filepath.Dir(self), Linker(p.Compile[i+1]))
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return file
}

// finish links, now that the program is compiled.
func (l *linker) finish() bool {
	l.settled = true
	if l.ready == nil {
		return l.cmd.Run() == nil
	}
	_, err := l.ready.Write([]byte{'\n'})
	l.ready.Close()
	return l.cmd.Wait() == nil && err == nil
}

// abandon ends a link that was not finished.
func (l *linker) abandon() {
	if l.settled || l.ready == nil {
		return
	}
	l.ready.Close() // it leaves by itself, and takes its half-written output with it
	hurry := time.AfterFunc(linkPatience, func() { l.cmd.Process.Kill() })
	l.cmd.Wait()
	hurry.Stop()
}
