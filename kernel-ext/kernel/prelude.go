package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"gantry.local/kernel-ext/jupyter"
)

// prepare waits until GoNB takes requests, finds the module of its cells, and switches off its fetching of modules, all
// before any request of a front-end reaches it. A failure to pin that module is a warning for the first cell: a kernel
// that can say what is wrong is worth more than one that is dead.
func (p *proxy) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	info, err := p.ask(ctx, "kernel_info_request", map[string]any{})
	if err != nil {
		return err
	}
	p.info = info.Content
	p.help = p.helpPage(ctx)
	p.module, err = findCellModule(p.gonb.temp.dir)
	if err == nil {
		err = p.gonb.scripts.writeFor(p.gonb.pid, p.module.dir)
	}
	if err == nil {
		err = p.gonb.unpinned
	}
	if err == nil {
		err = p.switchOffFetching(ctx)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		warning := fmt.Sprintf("gantry: cells do not see the project's modules: %v; run make setup", err)
		p.log.Printf("%s", warning)
		p.warning = strings.TrimPrefix(p.warning+"\n"+warning, "\n")
	}
	return nil
}

// helpPage asks GoNB for its help page, which it shows about any line that is a command.
func (p *proxy) helpPage(ctx context.Context) string {
	reply, err := p.ask(ctx, "inspect_request", map[string]any{"code": "%help", "cursor_pos": 1, "detail_level": 0})
	if err != nil {
		p.log.Printf("no help page: %v", err)
		return ""
	}
	var content struct {
		Data map[string]string `json:"data"`
	}
	if err := json.Unmarshal(reply.Content, &content); err != nil {
		p.log.Printf("no help page: %v", err)
	}
	return content.Data["text/plain"]
}

func (p *proxy) switchOffFetching(ctx context.Context) error {
	reply, err := p.ask(ctx, "execute_request", map[string]any{
		"code": "%noautoget", "silent": true, "store_history": false,
		"user_expressions": map[string]any{}, "allow_stdin": false, "stop_on_error": false,
	})
	if err != nil {
		return err
	}
	var result struct{ Status, EValue string }
	if err := json.Unmarshal(reply.Content, &result); err != nil {
		return err
	}
	if result.Status != "ok" {
		return errors.New(strings.TrimSpace(result.EValue))
	}
	return nil
}

// ask sends a request of this kernel's own to GoNB's shell socket and waits for the reply and, on iopub, the idle
// state. It asks again until it has both, because what GoNB publishes before it has noticed the subscription is lost;
// so only requests may be asked that do no harm twice.
func (p *proxy) ask(ctx context.Context, msgType string, content any) (*jupyter.Message, error) {
	const patience = 250 * time.Millisecond
	request := jupyter.NewMessage(p.session, msgType, nil, content)
	p.forward(p.gonb.shell, request)
	again := time.NewTicker(patience)
	defer again.Stop()
	var reply *jupyter.Message
	idle := false
	for reply == nil || !idle {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("GoNB does not answer %s: %w", msgType, ctx.Err())
		case <-again.C:
			p.forward(p.gonb.shell, request)
		case m := <-p.own:
			if !jupyter.SameID(m.Parent, request.Header) {
				continue // the second answer to an earlier request
			}
			if h, err := jupyter.DecodeHeader(m.Header); err != nil {
				return nil, err
			} else if strings.HasSuffix(h.MsgType, "_reply") {
				reply = m
			}
			idle = idle || jupyter.IsIdle(m)
		}
	}
	return reply, nil
}

// warn tells the first cell what went wrong in preparing GoNB.
func (p *proxy) warn() {
	if p.warning != "" {
		p.warnOnce.Do(func() { p.output.write("stderr", []byte(p.warning+"\n")) })
	}
}
