package sweep

import (
	"os"
	"strconv"
)

// indexVariables are where arrays of tasks say which of them a process is: Slurm, Kubernetes.
var indexVariables = [...]string{"SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"}

// Index is the number of a trial: given, or "index" for that of the task of an array that this process is.
func (s *Sweep) Index(given string) (int, error) {
	from := "--trial " + given
	if given == "index" {
		for _, name := range indexVariables {
			if value := os.Getenv(name); value != "" {
				given, from = value, "$"+name+" "+value
			}
		}
		if given == "index" {
			return 0, wrongf("--trial index: this is no task of an array: neither $%s nor $%s is set; give the trial's number", indexVariables[0], indexVariables[1])
		}
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 0 || n >= len(s.Trials) {
		return 0, wrongf("%s: want 0 to %d, or index", from, len(s.Trials)-1)
	}
	return n, nil
}
