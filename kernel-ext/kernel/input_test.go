package kernel

import "testing"

// TestAnswersAtOnce answers questions faster than a person can: GoNB itself loses some of such answers.
func TestAnswersAtOnce(t *testing.T) {
	c := startKernel(t)
	for range 20 {
		id := c.execute("%with_inputs\n!read word; echo \"got $word\"")
		c.next(c.stdin, cellPatience, "input_request", answers(id, "input_request"))
		c.send(c.stdin, "input_reply", map[string]any{"status": "ok", "value": "it"})
		if r := c.finish(id); r.stdout != "got it\n" {
			t.Fatalf("%+v", r)
		}
	}
}
