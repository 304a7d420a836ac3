package sweep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/internal/wholefile"
)

const (
	slurmFile     = "slurm.sh"       // in the sweep's folder
	slurmLogs     = "slurm"          // the folder of what its tasks say
	queueEach     = time.Second      // how often the queue is looked at
	queuePatience = 60 * time.Second // that the controller may be away
)

// ExportSlurm writes the batch script of the sweep into its folder and returns its path: `sbatch` of it trains what is missing now, a task of
// the array for each trial. Lines #SBATCH for a partition, an account or a time limit may be added; a task that reaches its limit saves.
func (s *Sweep) ExportSlurm() (path string, err error) {
	if err := private.Folder(filepath.Join(s.Dir, slurmLogs)); err != nil {
		return "", err
	}
	path = filepath.Join(s.Dir, slurmFile)
	return path, wholefile.Write(path, []byte(s.slurmScript(s.Missing())), 0o700)
}

func (s *Sweep) slurmScript(missing []Trial) string {
	var text strings.Builder
	fmt.Fprintf(&text, "#!/bin/sh\n"+
		"#SBATCH --job-name=%s\n"+
		"#SBATCH --array=%s\n"+
		"#SBATCH --output=%s\n"+
		"#SBATCH --ntasks=1 --cpus-per-task=1\n"+
		"#SBATCH --requeue --open-mode=append\n"+
		"#SBATCH --signal=B:TERM@60\n", // a minute before the time limit
		s.nameForOthers(), s.array(missing), quotedDirective(filepath.Join(s.Dir, slurmLogs, "%a.log")))
	env := ownEnvironment()
	for _, name := range slices.Sorted(maps.Keys(env)) {
		fmt.Fprintf(&text, "export %s=%s\n", name, quoted(env[name]))
	}
	var words []string
	for _, word := range append(s.sweepCommand(), s.Dir, "--trial", "index") {
		words = append(words, quoted(word))
	}
	fmt.Fprintf(&text, "exec %s\n", strings.Join(words, " "))
	return text.String()
}

// array is the argument of sbatch's --array: the trials, so many at once as there are slots.
func (s *Sweep) array(trials []Trial) string {
	var pieces []string
	for i := 0; i < len(trials); {
		j := i
		for j+1 < len(trials) && trials[j+1].Index == trials[j].Index+1 {
			j++
		}
		piece := fmt.Sprint(trials[i].Index)
		if j > i {
			piece += fmt.Sprintf("-%d", trials[j].Index)
		}
		pieces = append(pieces, piece)
		i = j + 1
	}
	return fmt.Sprintf("%s%%%d", strings.Join(pieces, ","), s.Spec.slots())
}

// quoted is a word for a shell.
func quoted(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plainLetter(r) && !strings.ContainsRune("/._-=:,+@%", r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// quotedDirective is a word for a line of #SBATCH, which knows double quotes.
func quotedDirective(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}

func plainLetter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// nameForOthers is a name for the sweep that Slurm and Kubernetes take: small letters, digits and '-'.
func (s *Sweep) nameForOthers() string {
	name := strings.Map(func(r rune) rune {
		if r = toLower(r); r != '-' && !plainLetter(r) {
			return '-'
		}
		return r
	}, filepath.Base(s.Dir))
	if name = strings.Trim(name[:min(len(name), 40)], "-"); name == "" {
		name = "sweep"
	}
	return "gantry-" + name
}

func toLower(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

// Slurm trains what is missing as an array of Slurm and waits for it. All nodes must have this program and the sweep's folder at the same
// paths. Trials whose tasks were lost are submitted again, as often as the spec has retries. ctx's end cancels the array, whose trials save. Errors
// wrap ErrEngine where there is no Slurm, or it does not answer.
func (s *Sweep) Slurm(ctx context.Context, log io.Writer) error {
	sbatch, err := exec.LookPath("sbatch")
	if err != nil {
		return fmt.Errorf("%w: there is no sbatch: run this where Slurm's commands are, or take --export slurm there", ErrEngine)
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	end, told := s.tell(ctx, log)
	defer func() { end(); <-told }()
	missing := s.Missing()
	for round := 0; len(missing) > 0 && round <= s.Spec.retries() && ctx.Err() == nil; round++ {
		path, err := s.ExportSlurm()
		if err != nil {
			return err
		}
		id, err := said(ctx, sbatch, "--parsable", "--array="+s.array(missing), path)
		if err != nil {
			return fmt.Errorf("%w: sbatch has failed: %w", ErrEngine, err)
		}
		id, _, _ = strings.Cut(id, ";") // a cluster's name follows
		fmt.Fprintf(log, "Slurm has %d trials, %d at once, as job %s\n", len(missing), s.Spec.slots(), id)
		if err := s.awaitQueue(ctx, id); err != nil {
			return err
		}
		missing = slices.DeleteFunc(s.Missing(), func(t Trial) bool {
			state := s.row(t).State
			return state == Refused || state == Failed // which another node would not change
		})
	}
	if ctx.Err() != nil {
		s.awaitEnds(endPatience)
		return nil
	}
	return s.orphans("Slurm")
}

// awaitQueue waits until a job has left the queue, and cancels it at ctx's end.
func (s *Sweep) awaitQueue(ctx context.Context, id string) error {
	answered := time.Now()
	for {
		queue, err := said(ctx, "squeue", "--noheader", "--jobs="+id, "--states=all", "--format=%T")
		switch {
		case ctx.Err() != nil:
			if _, err := said(context.WithoutCancel(ctx), "scancel", id); err != nil {
				return fmt.Errorf("%w: job %s is not cancelled: %w; `scancel %s` does it", ErrEngine, id, err, id)
			}
			return nil
		case err == nil && !inQueue(queue), err != nil && strings.Contains(err.Error(), "Invalid job id"): // which it forgets after a while
			return nil
		case err == nil:
			answered = time.Now()
		case time.Since(answered) > queuePatience:
			return fmt.Errorf("%w: Slurm does not answer: %w; the same command goes on", ErrEngine, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(queueEach):
		}
	}
}

// inQueue tells whether a task of a job has not ended, by squeue's words.
func inQueue(states string) bool {
	for _, state := range strings.Fields(states) {
		switch state {
		case "PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESIZING", "SIGNALING", "STAGE_OUT", "STOPPED", "RESV_DEL_HOLD", "SPECIAL_EXIT":
			return true
		}
	}
	return false
}

// said is what a command prints; its error is what it says.
func said(ctx context.Context, name string, args ...string) (string, error) {
	text, err := exec.CommandContext(ctx, name, args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		err = errors.New(lastLine(string(exit.Stderr)))
	}
	return strings.TrimSpace(string(text)), err
}
