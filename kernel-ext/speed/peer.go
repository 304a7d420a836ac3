package speed

import (
	"bufio"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gantry.local/kernel-ext/internal/lastwords"
)

// Gantry is the name of this project among the frameworks.
const Gantry = "gantry"

// framework is one whose speed is measured: a process that answers questions, and the ways it can be used.
type framework struct {
	name  string
	title string
	modes []mode
}

// mode is one way of using a framework.
type mode struct {
	name  string
	title string
	suits func(w Workload) bool // nil: all
	many  bool                  // it makes many steps a call
}

func convolutional(w Workload) bool {
	return w.work.Networks == "article" || w.work.Networks == "dcgan"
}

// frameworks are this project and its peers. Where a mode is left out, that is a loss to no peer: channels-last is the same as
// eager where there are no channels, and convolutions inside of JAX' scan take a slow path, 20 times slower than its jit.
func frameworks() []framework {
	articles := func(w Workload) bool { return w.work.Networks == "article" && w.draw == 0 }
	return []framework{
		{Gantry, "Gantry", []mode{{name: "step", title: "Gantry"}}},
		{"keras", "Keras", []mode{
			{name: "tf.function", title: "Keras tf.function"},
			{name: "jit_compile", title: "Keras jit_compile"},
			{name: "article's loop", title: "Keras, article's loop", suits: articles},
		}},
		{"torch", "PyTorch", []mode{
			{name: "eager", title: "PyTorch eager"},
			{name: "channels-last", title: "PyTorch channels-last", suits: convolutional},
			{name: "compile", title: "torch.compile"},
		}},
		{"jax", "JAX", []mode{
			{name: "jit", title: "JAX jit"},
			{name: "scan", title: "JAX scan", many: true, suits: func(w Workload) bool { return !convolutional(w) && w.draw == 0 }},
		}},
	}
}

// Peers are the names of the other frameworks.
func Peers() (names []string) {
	for _, f := range frameworks()[1:] {
		names = append(names, f.name)
	}
	return names
}

// question is a line that a framework's process is told, and answer the line it answers.
type question struct {
	Do      string  `json:"do"` // hello, prepare, measure, forget, run or check
	Mode    string  `json:"mode,omitempty"`
	Work    *work   `json:"work,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
	Steps   int     `json:"steps,omitempty"`
	Folder  string  `json:"folder,omitempty"`
}

type answer struct {
	Error      string            `json:"error,omitempty"`
	Versions   map[string]string `json:"versions,omitempty"`
	Count      int               `json:"count,omitempty"` // steps made or images drawn
	Seconds    float64           `json:"seconds,omitempty"`
	Peak       int64             `json:"peak,omitempty"` // bytes
	Losses     []float64         `json:"losses,omitempty"`
	Parameters int               `json:"parameters,omitempty"`
}

//go:embed peers/*.py
var scripts embed.FS

// writeScripts puts the peers' programs into a folder.
func writeScripts(dir string) error { return os.CopyFS(dir, scripts) }

// command is how a framework's process is started. kept says that memory once had is not to be given back, which makes long
// measurements faster and the peak higher.
func (o Options) command(f framework, kept bool) (*exec.Cmd, error) {
	var c *exec.Cmd
	if f.name == Gantry {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		c = exec.Command(self, "bench", "speed", "answer", "--backend", o.Backend)
		c.Env = os.Environ()
	} else {
		c = exec.Command(o.Python, filepath.Join(o.work, "peers", "driver.py"), f.name, strconv.Itoa(o.Threads))
		threads := strconv.Itoa(o.Threads)
		c.Env = append(os.Environ(), "OMP_NUM_THREADS="+threads, "KMP_BLOCKTIME=0", // whoever waits does not spin
			"PYTHONDONTWRITEBYTECODE=1", "TORCHINDUCTOR_COMPILE_THREADS=1", "TORCHINDUCTOR_CACHE_DIR="+filepath.Join(o.caches(), "inductor"))
		if kept {
			c.Env = append(c.Env, "MALLOC_MMAP_THRESHOLD_=1073741824", "MALLOC_TRIM_THRESHOLD_=2147483647", "MALLOC_TOP_PAD_=67108864")
		}
	}
	c.Dir = o.work
	c.WaitDelay = time.Second                           // for what a process has started and left
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for this process, which ends the others
	return c, nil
}

// caches is where peers keep what they have compiled, beside their Python.
func (o Options) caches() string {
	return filepath.Join(filepath.Dir(filepath.Dir(o.Python)), "compiled")
}

// process is a framework that is running.
type process struct {
	framework
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Scanner
	said  *lastwords.Tail
	begun time.Time
}

// start starts a framework's process, which is not waited for.
func (o Options) start(f framework, kept bool, env ...string) (*process, error) {
	c, err := o.command(f, kept)
	if err != nil {
		return nil, err
	}
	c.Env = append(c.Env, env...)
	p := &process{framework: f, cmd: c, said: &lastwords.Tail{}}
	c.Stderr = p.said
	if p.in, err = c.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	p.out.Buffer(nil, 1<<20)
	p.begun = time.Now()
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("%s does not start: %w", f.title, err)
	}
	return p, nil
}

// refusal is what a framework says it cannot do. Its process lives on.
type refusal struct{ reason string }

// Error is the reason.
func (r refusal) Error() string { return r.reason }

// longest is how long an answer may take: torch.compile needs a minute or two where it has kept nothing.
const longest = 8 * time.Minute

// ask asks a question and waits for its answer; when ctx ends, or none comes, the process is ended.
func (p *process) ask(ctx context.Context, q question) (a answer, err error) {
	limited, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	defer context.AfterFunc(limited, p.kill)()
	line, err := json.Marshal(q)
	if err != nil {
		return a, err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return a, p.lost(ctx, err)
	}
	if !p.out.Scan() {
		return a, p.lost(ctx, p.out.Err())
	}
	if err := json.Unmarshal(p.out.Bytes(), &a); err != nil {
		return a, fmt.Errorf("%s answers %q: %w", p.title, p.out.Text(), err)
	}
	if a.Error != "" {
		return a, refusal{firstLine(a.Error)}
	}
	return a, nil
}

// lost is the error of a process that does not answer any more.
func (p *process) lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(fmt.Errorf("%s has ended; its last words: %s", p.title, p.said.Line()), err)
}

func (p *process) kill() { syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

// stop ends the process: by the end of its input, and if it does not heed that, by force.
func (p *process) stop() {
	p.in.Close()
	defer time.AfterFunc(5*time.Second, p.kill).Stop()
	p.cmd.Wait()
}

// processorTime is what the process has used so far, or 0 where that cannot be seen.
func (p *process) processorTime() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	const tick = 10 * time.Millisecond // USER_HZ
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
