//go:build linux

package oversee_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gantry.local/gan/recipe"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/internal/hostile"
	"gantry.local/kernel-ext/internal/oversee"
	"gantry.local/kernel-ext/lab"
)

// Environment variables that tell a process of the test binary what to be.
const (
	envRole  = "GANTRY_TEST_ROLE"
	envNext  = "GANTRY_TEST_NEXT"  // what this binary is that "first" runs; or a script of the shell, which has a blank
	envGrace = "GANTRY_TEST_GRACE" // of "first"
	envDirs  = "GANTRY_TEST_DIRS"  // the folders of runs in which "desk" opens a run each, a line each
)

func TestMain(m *testing.M) {
	if name, is := lab.Resident(); is {
		_, err := lab.OpenWith(recipe.Toy(), lab.RunOptions{Name: name, Backend: "go"}) // does not return
		fail(err)
	}
	switch os.Getenv(envRole) {
	case "":
		os.Exit(m.Run())
	case "first":
		beFirst()
	case "desk":
		beDesk()
	case "stubborn":
		beStubborn()
	}
}

// beFirst is the main process of a container, or where one cannot be made a process like it.
func beFirst() {
	if os.Getpid() == 1 {
		fail(syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
		fail(syscall.Mount("proc", "/proc", "proc", 0, ""))
	}
	self, err := os.Executable()
	fail(err)
	args, next := []string{self}, os.Getenv(envNext)
	if strings.Contains(next, " ") {
		args = []string{"sh", "-c", next}
	}
	grace, err := time.ParseDuration(os.Getenv(envGrace))
	fail(err)
	os.Setenv(envRole, next)
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	code, err := oversee.Run(ctx, oversee.Options{Args: args, Grace: grace})
	fail(err)
	os.Exit(code)
}

// beDesk opens runs and lets them train, as cells of a notebook do, and then waits like a server.
func beDesk() {
	for dir := range strings.Lines(os.Getenv(envDirs)) {
		os.Setenv(lab.EnvRuns, strings.TrimSpace(dir))
		r, err := lab.OpenWith(recipe.Toy(), lab.RunOptions{Name: "run", Backend: "go", Checkpoint: time.Hour})
		fail(err)
		fail(r.TrainAsync(1_000_000_000))
		fmt.Println("notice", r.Notice())
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	fmt.Println("ready")
	for enough := filepath.Join(os.Getenv(lab.EnvRuns), "enough"); ; {
		select {
		case <-end:
			os.Exit(0)
		case <-time.After(10 * time.Millisecond):
			if _, err := os.Stat(enough); err == nil {
				os.Exit(3)
			}
		}
	}
}

// beStubborn does not end when it is told to; what it has started does.
func beStubborn() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM)
	child := exec.Command("sleep", "1000")
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	fail(child.Start())
	fmt.Println("ready")
	select {}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// container is a process that was started as "first", and what it prints.
type container struct {
	*exec.Cmd
	said *bufio.Scanner
	log  *strings.Builder // what it writes to standard error; read once it has ended
}

// kinds of containers: of a PID namespace of its own, where this user may make one, and without, as under docker run --init.
const (
	ownNamespace = true
	underAnother = false
)

// start starts one.
func start(t *testing.T, own bool, grace time.Duration, env ...string) container {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if own {
		attr.Cloneflags = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS
		if os.Getuid() != 0 {
			attr.Cloneflags |= syscall.CLONE_NEWUSER
			attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
			attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
		}
	}
	cmd := exec.Command(self, "-test.run=^$")
	cmd.Env = append(os.Environ(), append(env, envRole+"=first", envGrace+"="+grace.String())...)
	cmd.SysProcAttr = attr
	c := container{Cmd: cmd, log: &strings.Builder{}}
	cmd.Stderr = c.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	err = cmd.Start()
	if own && errors.Is(err, syscall.EPERM) {
		t.Log("this user may make no PID namespace: what follows is seen without one")
		return start(t, underAnother, grace, env...)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	c.said = bufio.NewScanner(out)
	return c
}

// hear reads what it prints until a line begins so, and returns the rest of that line.
func (c container) hear(t *testing.T, begin string) string {
	t.Helper()
	for c.said.Scan() {
		if rest, is := strings.CutPrefix(c.said.Text(), begin); is {
			return strings.TrimSpace(rest)
		}
	}
	c.Wait()
	t.Fatalf("it ended without a line %q: %s", begin, c.log)
	return ""
}

// stop asks it to end, as docker stop does, and returns its exit code and how long it took.
func (c container) stop(t *testing.T) (code int, took time.Duration) {
	t.Helper()
	begin := time.Now()
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return c.wait(t), time.Since(begin)
}

// wait waits until it has ended.
func (c container) wait(t *testing.T) (code int) {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		for c.said.Scan() {
		}
		ended <- c.Wait()
	}()
	select {
	case <-ended:
		return c.ProcessState.ExitCode()
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
		return 0
	}
}

// TestStopWhileTraining stops a container twenty times while two runs train in it, one of them in a folder of its own,
// and wants each step that a run had reported in its checkpoint. A fifth of the stops come while the runs get ready.
func TestStopWhileTraining(t *testing.T) {
	dirs := []string{filepath.Join(t.TempDir(), "runs"), filepath.Join(t.TempDir(), "elsewhere")}
	random := rand.New(rand.NewPCG(1, 1))
	var slowest time.Duration
	before := map[string]int{}
	for n := range 20 {
		c := start(t, ownNamespace, 9*time.Second, envNext+"=desk", envDirs+"="+strings.Join(dirs, "\n"))
		reported := map[string]int{}
		if n%5 != 4 {
			for range dirs {
				if notice := c.hear(t, "notice"); strings.Contains(notice, "lost") {
					t.Errorf("stop %d: %s", n, notice)
				}
			}
			c.hear(t, "ready")
			for _, dir := range dirs {
				reported[dir] = living(t, dir, before[dir]+1+random.IntN(20)).Step
			}
		} else {
			reported[dirs[0]] = living(t, dirs[0], 0).Step
		}
		code, took := c.stop(t)
		if slowest = max(slowest, took); code != 0 && n%5 != 4 {
			t.Errorf("stop %d: it ended with code %d: %s", n, code, c.log)
		}
		for dir, step := range reported {
			if before[dir] = saved(t, dir); before[dir] < step {
				t.Errorf("stop %d: the run in %s had reported step %d, and its checkpoint is of step %d", n, dir, step, before[dir])
			}
		}
	}
	t.Logf("20 stops of two runs, which made %d and %d steps: the slowest took %s", before[dirs[0]], before[dirs[1]],
		slowest.Round(time.Millisecond))
}

// living waits until the run in dir lives and reports at least a step, and returns what it reported.
func living(t *testing.T, dir string, step int) lab.Listed {
	t.Helper()
	t.Setenv(lab.EnvRuns, dir)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		all, err := lab.List()
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 1 && all[0].Living && all[0].Step >= step {
			return all[0]
		}
		if time.Now().After(deadline) {
			t.Fatalf("the run does not come to step %d: %v", step, all)
		}
	}
}

// saved is the step of the newest checkpoint of the run in dir.
func saved(t *testing.T, dir string) int {
	t.Helper()
	all, err := train.Checkpoints(filepath.Join(dir, "run", "checkpoints"))
	if err != nil {
		t.Fatal(err)
	}
	last := all[len(all)-1]
	if last.Problem != nil {
		t.Fatal(last.Problem)
	}
	return last.Step
}

// TestProgramEnds wants the runs saved also where the program ends by itself, as JupyterLab does when it is shut down from
// its page, and the program's exit code handed on.
func TestProgramEnds(t *testing.T) {
	for name, own := range map[string]bool{"first": ownNamespace, "under another": underAnother} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "runs")
			c := start(t, own, 9*time.Second, envNext+"=desk", envDirs+"="+dir)
			c.hear(t, "ready")
			l := living(t, dir, 5)
			if err := os.WriteFile(filepath.Join(dir, "enough"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if code := c.wait(t); code != 3 {
				t.Errorf("it ended with code %d, want the program's, 3: %s", code, c.log)
			}
			if step := saved(t, dir); step < l.Step {
				t.Errorf("the run had reported step %d, and its checkpoint is of step %d", l.Step, step)
			}
		})
	}
}

// TestStopped wants a run that cannot hear, because it is stopped, woken and saved.
func TestStopped(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs")
	c := start(t, underAnother, 9*time.Second, envNext+"=desk", envDirs+"="+dir) // the numbers of processes are as they are here
	c.hear(t, "ready")
	l := living(t, dir, 5)
	if err := hostile.Freeze(t.Context(), l.Pid); err != nil {
		t.Fatal(err)
	}
	if code, _ := c.stop(t); code != 0 {
		t.Errorf("it ended with code %d: %s", code, c.log)
	}
	if step := saved(t, dir); step < l.Step {
		t.Errorf("the run had reported step %d, and its checkpoint is of step %d", l.Step, step)
	}
}

// TestStubborn wants a process that will not end killed when the grace is over, and named, and with it what it started.
func TestStubborn(t *testing.T) {
	for name, own := range map[string]bool{"first": ownNamespace, "under another": underAnother} {
		t.Run(name, func(t *testing.T) {
			c := start(t, own, 300*time.Millisecond, envNext+"=stubborn")
			c.hear(t, "ready")
			code, took := c.stop(t)
			if code != 128+int(syscall.SIGKILL) || took < 300*time.Millisecond || took > 5*time.Second {
				t.Errorf("it ended with code %d after %s, want %d after 300ms", code, took, 128+int(syscall.SIGKILL))
			}
			if !strings.Contains(c.log.String(), "(oversee.test) did not end within 300ms and is killed") || strings.Contains(c.log.String(), "(sleep)") {
				t.Errorf("it said %q, want the name of the one that was killed and no other", c.log)
			}
		})
	}
}

// TestOrphans wants each orphan reaped that ends: a container in which they pile up runs out of processes.
func TestOrphans(t *testing.T) {
	for name, own := range map[string]bool{"first": ownNamespace, "under another": underAnother} {
		t.Run(name, func(t *testing.T) {
			script := `for i in 1 2 3 4 5 6 7 8 9 10; do (setsid true &); done
				zombies() { for s in /proc/[0-9]*/stat; do
					read -r p n st pp rest <$s && [ "$pp" = "$PPID" ] && [ $st = Z ] && echo "left: $p $n"; done 2>/dev/null; }
				for i in $(seq 500); do [ -z "$(zombies)" ] && break; sleep 0.01; done
				zombies; exit 4`
			c := start(t, own, time.Second, envNext+"="+script)
			for c.said.Scan() {
				t.Error(c.said.Text())
			}
			if code := c.wait(t); code != 4 {
				t.Errorf("it ended with code %d, want 4: %s", code, c.log)
			}
		})
	}
}

// TestNoProgram wants an error in a line where there is nothing to run.
func TestNoProgram(t *testing.T) {
	for _, args := range [][]string{nil, {"/is/not/there"}} {
		if _, err := oversee.Run(t.Context(), oversee.Options{Args: args}); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want an error in a line", args, err)
		}
	}
}
