package show

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

const clearProgram = "SHOW_TEST_CLEAR"

// TestClearOutsideGantry looks at the two places where nothing is to be cleared; what a cell's Clear does is tested with
// the kernel.
func TestClearOutsideGantry(t *testing.T) {
	if os.Getenv(clearProgram) != "" {
		if err := Clear(true); err != nil {
			os.Stderr.WriteString(err.Error())
		}
		return
	}
	for _, test := range []struct {
		name, want string
		env        []string
	}{
		{name: "terminal", env: []string{protocol.GONB_PIPE_ENV + "="}},
		{name: "another kernel", env: []string{protocol.GONB_PIPE_ENV + "=/nonexistent/pipe"}, want: "choose the kernel Go (Gantry)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			program := exec.Command(os.Args[0], "-test.run", "^TestClearOutsideGantry$")
			program.Env = append(append(os.Environ(), clearProgram+"=1", envClear+"="), test.env...)
			program.Stdout, program.Stderr = &stdout, &stderr
			if err := program.Run(); err != nil {
				t.Fatal(err, stderr.String())
			}
			if text := stderr.String(); !strings.Contains(text, test.want) || test.want == "" && text != "" {
				t.Errorf("error %q, want %q", text, test.want)
			}
			if strings.Contains(stdout.String(), "\x1b") {
				t.Errorf("printed %q", stdout.String())
			}
		})
	}
}
