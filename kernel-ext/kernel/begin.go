package kernel

import (
	"fmt"
	"strings"
	"time"
)

// begin tells front-ends that a cell begins, and counts it.
func (p *proxy) begin(c *cell) {
	c.happens(begins)
	p.status(c.message, "busy")
	if c.storeHistory {
		p.count++
		c.number = p.count
		p.history.Input(p.count, c.code)
	}
	if !c.silent {
		p.tell(c.message, "execute_input", map[string]any{"code": c.code, "execution_count": p.count})
	}
	p.output.begin(c.message)
	if p.warning != "" {
		p.output.write("stderr", []byte(p.warning+"\n"))
		p.warning = ""
	}
	c.begun = time.Now()
	p.carryOut(c)
}

// warnOf keeps a warning for the first cell. It is called before cells run.
func (p *proxy) warnOf(format string, args ...any) {
	warning := "gantry: " + fmt.Sprintf(format, args...)
	p.log.Printf("%s", warning)
	p.warning = strings.TrimPrefix(p.warning+"\n"+warning, "\n")
}
