// Package frontend is a front-end without a screen, for measurements and tests of endurance.
package frontend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gantry.local/kernel-ext/jupyter"
	"gantry.local/kernel-ext/jupyter/zmtp"
)

// Client runs one cell after the other in a kernel, this project's or another.
type Client struct {
	signer       jupyter.Signer
	session      string
	shell, iopub *jupyter.Link
}

// Execution is what became of a cell that a Client ran.
type Execution struct {
	Sent, First, Idle time.Time // when it was sent, when the first of its output came, and when the kernel was idle again
	Picture           time.Time // when its first picture came; zero where none did
	Output            string    // what it printed
	Page              string    // the same, with the HTML that it showed in between
}

// Connect connects to the kernel of a connection file, which need not listen yet, and waits until it runs cells.
func Connect(ctx context.Context, connectionFile string) (_ *Client, err error) {
	connection, err := jupyter.ReadConnection(connectionFile)
	if err != nil {
		return nil, err
	}
	c := &Client{signer: jupyter.Signer{Key: []byte(connection.Key)}, session: jupyter.NewID()}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	identity := "client-" + jupyter.NewID()
	if c.iopub, err = jupyter.Dial(ctx, zmtp.Sub, connection.Endpoint(connection.IOPub), identity); err != nil {
		return nil, err
	}
	if err := c.iopub.Subscribe(); err != nil {
		return nil, err
	}
	if c.shell, err = jupyter.Dial(ctx, zmtp.Dealer, connection.Endpoint(connection.Shell), identity); err != nil {
		return nil, err
	}
	// What is published before the subscription is known is lost: until something arrives, ask again.
	heard := make(chan error, 1)
	go func() {
		_, err := c.iopub.Receive()
		heard <- err
	}()
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		if err := c.shell.Send(c.signer.Frames(jupyter.NewMessage(c.session, "kernel_info_request", nil, map[string]any{}))); err != nil {
			return nil, err
		}
		select {
		case err := <-heard:
			return c, err
		case <-again.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("the kernel does not answer: %w", ctx.Err())
		}
	}
}

// Run runs a cell to its end. A cell that fails is an error with the kernel's words. When ctx ends, the client is
// closed.
func (c *Client) Run(ctx context.Context, code string) (Execution, error) {
	stop := context.AfterFunc(ctx, c.Close)
	defer stop()
	request := jupyter.NewMessage(c.session, "execute_request", nil, map[string]any{
		"code": code, "silent": false, "store_history": false, "user_expressions": map[string]any{}, "allow_stdin": false,
		"stop_on_error": true,
	})
	asked, err := jupyter.DecodeHeader(request.Header)
	cell := Execution{Sent: time.Now()}
	if err != nil {
		return cell, err
	}
	if err := c.shell.Send(c.signer.Frames(request)); err != nil {
		return cell, errors.Join(ctx.Err(), err)
	}
	var failed error
	for {
		frames, err := c.iopub.Receive()
		if err != nil {
			return cell, errors.Join(ctx.Err(), err)
		}
		m, err := c.signer.Parse(frames)
		if err != nil {
			return cell, err
		}
		if parent, err := jupyter.DecodeHeader(m.Parent); err != nil || parent.MsgID != asked.MsgID {
			continue
		}
		h, err := jupyter.DecodeHeader(m.Header)
		if err != nil {
			return cell, err
		}
		var content struct {
			Text, EValue string
			Traceback    []string
			Data         map[string]json.RawMessage
			State        string `json:"execution_state"`
		}
		if !slices.Contains([]string{"status", "stream", "display_data", "update_display_data", "error"}, h.MsgType) {
			continue
		}
		if err := json.Unmarshal(m.Content, &content); err != nil {
			return cell, err
		}
		if content.State == "idle" {
			cell.Idle = time.Now()
			return cell, failed
		}
		if h.MsgType == "status" {
			continue
		}
		if cell.First.IsZero() {
			cell.First = time.Now()
		}
		if cell.Picture.IsZero() && pictured(content.Data) {
			cell.Picture = time.Now()
		}
		var html string
		json.Unmarshal(content.Data["text/html"], &html) // if there is any
		cell.Output += content.Text
		cell.Page += content.Text + html
		if h.MsgType == "error" {
			failed = fmt.Errorf("the cell failed: %s %s", content.EValue, strings.Join(content.Traceback, " "))
		}
	}
}

// pictured tells whether what is displayed holds a picture, of its own or within a page.
func pictured(data map[string]json.RawMessage) bool {
	for kind, content := range data {
		if strings.HasPrefix(kind, "image/") || bytes.Contains(content, []byte("data:image/")) || bytes.Contains(content, []byte("<svg")) {
			return true
		}
	}
	return false
}

// Close ends the connection. It may be called more than once.
func (c *Client) Close() {
	for _, l := range []*jupyter.Link{c.shell, c.iopub} {
		if l != nil {
			l.Close()
		}
	}
}
