package comms

import (
	"context"
	"encoding/json"
	"net"
	"sync"
	"time"

	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/jupyter"
)

// Hub is the kernel's side of the channel to the processes that cells started. It publishes what they say, routes what
// front-ends say on comms, and never waits for GoNB, so it works while a cell runs.
type Hub struct {
	kernel   Kernel
	path     string
	listener net.Listener
	opened   time.Time
	working  sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	final    bool              // the kernel is not to be restarted
	greeting map[net.Conn]bool // connections that have not said who they are
	peers    map[*channel.Peer]bool
	heard    map[chan struct{}]int                 // by what is closed when a connection is over: the process that made it
	owners   map[string]*owned                     // by comm id
	wills    map[string]map[string]channel.Message // what a process, by its name, wants said if it vanishes
	vanished map[string]int                        // processes that are awaited, by name: which of all vanishings it is
	count    int                                   // of vanishings
	orphaned time.Duration                         // orphanPatience, less in tests
	controls map[string]bool                       // the comms of front-ends to widgetControl
	gonb     map[string]bool                       // the comms of front-ends to GoNB
	pending  map[string]*jupyter.Message
	asked    map[string]chan channel.Frame
}

// Kernel is what a hub needs of its kernel.
type Kernel struct {
	Session  string                                                   // of the messages that the kernel writes
	Cell     func() json.RawMessage                                   // the header of the cell that runs, or {}
	Publish  func(m *jupyter.Message)                                 // sends a message to all front-ends
	Reply    func(socket string, m *jupyter.Message)                  // sends one to the front-end that it names
	GoNB     func(from *jupyter.Message, msgType string, content any) // hands GoNB a front-end's message on GoNB's own comm
	Log      func(format string, args ...any)                         // writes a line to the kernel's log
	Complain func(format string, args ...any)                         // does so for what strangers can cause at will
	Done     <-chan struct{}                                          // closed when the kernel is ending
}

// closePatience is how long processes may take to hear of the end. Jupyter kills a kernel that takes 5 s in all.
const closePatience = 500 * time.Millisecond

// NewHub makes the hub of a kernel. It hears front-ends from then on, and processes from Open on.
func NewHub(kernel Kernel) *Hub {
	return &Hub{
		kernel: kernel, greeting: map[net.Conn]bool{}, peers: map[*channel.Peer]bool{}, heard: map[chan struct{}]int{}, owners: map[string]*owned{},
		wills: map[string]map[string]channel.Message{}, vanished: map[string]int{}, orphaned: orphanPatience, controls: map[string]bool{},
		gonb: map[string]bool{}, pending: map[string]*jupyter.Message{}, asked: map[string]chan channel.Frame{},
	}
}

// Open starts to listen for processes.
func (h *Hub) Open(path string) error {
	l, err := private.ListenAt(path)
	if err != nil {
		return err
	}
	h.path, h.listener, h.opened = path, l, time.Now()
	h.working.Go(func() {
		private.Accept(l, func(conn net.Conn) { h.working.Go(func() { h.welcome(conn) }) },
			func(err error) { h.kernel.Complain("channel: accept: %v", err) })
	})
	return nil
}

// Close ends all connections. Their processes look for the next kernel, unless the end is final.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	for conn := range h.greeting {
		conn.Close()
	}
	for peer := range h.peers {
		if !h.final || !peer.Send(channel.Frame{Kind: channel.End}) {
			peer.Close()
		}
	}
	h.mu.Unlock()
	if h.listener == nil {
		return
	}
	h.listener.Close()
	ended := make(chan struct{})
	go func() {
		h.working.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(closePatience): // a process does not take its End, or a front-end what is said to it
		h.mu.Lock()
		for peer := range h.peers {
			peer.Close()
		}
		h.mu.Unlock()
	}
	channel.RemoveFolder(h.path)
}

// Ending notes that a front-end asked for the end of the kernel.
func (h *Hub) Ending(restart bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.final = !restart
}

// welcome serves one connection until it ends.
func (h *Hub) welcome(conn net.Conn) {
	over := make(chan struct{})
	h.mu.Lock()
	h.greeting[conn] = true
	h.heard[over] = private.Process(conn)
	closed := h.closed
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.heard, over)
		h.mu.Unlock()
		close(over)
	}()
	if closed {
		conn.Close()
	}
	peer, err := channel.Accept(conn, h.kernel.Session, h.kernel.Cell)
	h.mu.Lock()
	delete(h.greeting, conn)
	h.mu.Unlock()
	if err != nil {
		h.kernel.Log("channel: %v", err)
		return
	}
	defer peer.Close()
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	h.peers[peer] = true
	delete(h.vanished, peer.Name)
	h.own(peer, peer.Comms)
	h.mu.Unlock()
	defer h.left(peer)
	for {
		f, err := peer.Receive()
		if err != nil {
			return
		}
		h.handle(peer, f)
	}
}

// HearOut waits until all that a process has said that has ended is published, or ctx ends.
func (h *Hub) HearOut(ctx context.Context, pid int) {
	h.mu.Lock()
	var waits []chan struct{}
	for over, its := range h.heard {
		if its == pid {
			waits = append(waits, over)
		}
	}
	h.mu.Unlock()
	for _, over := range waits {
		select {
		case <-over:
		case <-ctx.Done():
		}
	}
}

// publish publishes a message of the kernel's own.
func (h *Hub) publish(msgType string, parent *jupyter.Message, content any, buffers [][]byte) {
	m := jupyter.NewMessage(h.kernel.Session, msgType, parent, content)
	m.Buffers = buffers
	h.kernel.Publish(m)
}

func (h *Hub) status(state string, parent *jupyter.Message) {
	h.publish("status", parent, map[string]string{"execution_state": state}, nil)
}
