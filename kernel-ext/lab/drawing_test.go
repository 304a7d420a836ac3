package lab_test

import (
	"bytes"
	"encoding/json"
	"image/png"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/lab"
)

// kernel is the kernel's end of the channel, which keeps what is published.
type kernel struct {
	listener net.Listener
	mu       sync.Mutex
	messages []channel.Message
	peers    []*channel.Peer
	done     sync.WaitGroup
}

// cellHeader is the header of the cell that is running.
const cellHeader = `{"msg_id":"cell-7"}`

func startKernel(t *testing.T, path, name string) *kernel {
	t.Helper()
	listener, err := private.ListenAt(path)
	if err != nil {
		t.Fatal(err)
	}
	k := &kernel{listener: listener}
	k.done.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			peer, err := channel.Accept(conn, name, func() json.RawMessage { return json.RawMessage(cellHeader) })
			if err != nil {
				continue
			}
			k.mu.Lock()
			k.peers = append(k.peers, peer)
			k.mu.Unlock()
			k.done.Go(func() {
				for {
					f, err := peer.Receive()
					if err != nil {
						return
					}
					switch f.Kind {
					case channel.Publish:
						k.mu.Lock()
						k.messages = append(k.messages, f.Message)
						k.mu.Unlock()
					case channel.Flush:
						peer.Send(channel.Frame{Kind: channel.Flushed, Message: channel.Message{ID: f.ID}})
					}
				}
			})
		}
	})
	return k
}

func (k *kernel) stop() {
	k.listener.Close()
	k.mu.Lock()
	for _, peer := range k.peers {
		peer.Close()
	}
	k.mu.Unlock()
	k.done.Wait()
}

func (k *kernel) published() []channel.Message {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.messages[:len(k.messages):len(k.messages)]
}

// display is the content of a display_data or update_display_data.
type display struct {
	Data struct {
		PNG  []byte         `json:"image/png"`
		Text string         `json:"text/plain"`
		View map[string]any `json:"application/vnd.jupyter.widget-view+json"`
	}
	Transient struct {
		ID string `json:"display_id"`
	}
}

// displays are the displays among messages, and pictures how often a widget's picture was drawn.
func displays(t *testing.T, messages []channel.Message) (all []display, pictures int) {
	t.Helper()
	for _, m := range messages {
		if string(m.Parent) != cellHeader {
			t.Errorf("%s has the parent %s, want the cell that asked for the figure", m.Type, m.Parent)
		}
		switch m.Type {
		case "display_data", "update_display_data":
			var d display
			if err := json.Unmarshal(m.Content, &d); err != nil {
				t.Fatal(err)
			}
			if _, err := png.Decode(bytes.NewReader(d.Data.PNG)); err != nil || !strings.HasPrefix(d.Data.Text, "painted · step ") {
				t.Errorf("%s says %q, and its picture: %v", m.Type, d.Data.Text, err)
			}
			all = append(all, d)
		case "comm_msg":
			if len(m.Buffers) > 0 {
				if _, err := png.Decode(bytes.NewReader(m.Buffers[0])); err != nil {
					t.Error(err)
				}
				pictures++
			}
		}
	}
	return all, pictures
}

// TestFigure trains in the background: the figure is drawn below its cell, also after the kernel was restarted, and stays
// as a plain picture in the end.
func TestFigure(t *testing.T) {
	runs(t)
	folder, err := os.MkdirTemp("", "k")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "a", "kernel")
	k := startKernel(t, path, "first")
	t.Setenv(channel.Env, path)
	const steps = 1_000_000
	r := plan{Name: "painted", Backend: "go"}.open(t)
	if err := r.Train(3); err != nil {
		t.Fatal(err)
	}
	if err := r.TrainAsync(steps); err != nil {
		t.Fatal(err)
	}
	within(t, "the figure was drawn twice", func() bool {
		_, pictures := displays(t, k.published())
		return pictures >= 1
	})
	shown, _ := displays(t, k.published())
	if len(shown) != 1 || shown[0].Data.View == nil || shown[0].Transient.ID == "" {
		t.Errorf("the cell shows %+v, want a widget once", shown)
	}
	k.stop() // the kernel is restarted
	at := status(t, r).Step
	pass(t, r, at+5)
	k = startKernel(t, path, "second")
	defer k.stop()
	within(t, "the figure is drawn for the restarted kernel", func() bool {
		_, pictures := displays(t, k.published())
		return pictures >= 1
	})
	if err := r.TrainAsync(steps); err != nil { // the cell, run again: its figure takes the place of the first
		t.Fatal(err)
	}
	within(t, "the first figure is a plain picture and the second a widget", func() bool {
		all, _ := displays(t, k.published())
		return len(all) == 2 && all[0].Transient.ID != all[1].Transient.ID && (all[0].Data.View == nil) != (all[1].Data.View == nil)
	})
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	within(t, "the second figure is a plain picture that says so", func() bool {
		all, _ := displays(t, k.published())
		last := all[len(all)-1]
		return len(all) == 3 && last.Data.View == nil && strings.Contains(last.Data.Text, "ended after")
	})
	list, err := lab.List()
	if err != nil || len(list) != 1 || list[0].Orphan {
		t.Errorf("the list is %v (%v)", list, err)
	}
}
