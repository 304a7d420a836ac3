package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"gantry.local/gan"
	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/internal/detach"
	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/show"
)

// Run is a resident run, as seen from any process: its methods ask the process that keeps it. They are safe for use by
// several goroutines, and any number of Runs of one name may be in use at once, here and elsewhere.
type Run struct {
	name, dir string
	exp       *gan.Experiment // nil: attached by name
	o         RunOptions
	notice    string
	made      bool // its folder was made for it
	observer  bool // this is another run's process, which only repeats what its program did before
}

// Name returns the run's name.
func (r *Run) Name() string { return r.name }

// Dir returns the run's folder.
func (r *Run) Dir() string { return r.dir }

// handle is what a person types to name the run: its name, or its folder where that is not among the others.
func (r *Run) handle() string {
	if dir, err := dirOf(r.name); err == nil && dir == r.dir {
		return r.name
	}
	return r.dir
}

func (r *Run) lockPath() string { return filepath.Join(r.dir, runLockFile) }

// Notice says what a person should know of how the run was opened: what was lost, carried over, or moved aside; or "".
func (r *Run) Notice() string { return r.notice }

// String is the run's status in a line.
func (r *Run) String() string {
	s, err := r.Status()
	if err != nil {
		return err.Error()
	}
	return s.String()
}

// call asks the run's process and waits for the answer: body is filled from it.
func (r *Run) call(ctx context.Context, op string, args, body any) error {
	_, err := r.ask(ctx, op, args, body)
	return err
}

// ask is call for an answer with bytes.
func (r *Run) ask(ctx context.Context, op string, args, body any) ([]byte, error) {
	conn, err := r.dial(ctx, op, args)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return r.read(conn, body)
}

// change is ask for what changes the run, which an observer does not.
func (r *Run) change(ctx context.Context, op string, args, body any) error {
	if r.observer {
		return nil
	}
	return r.call(ctx, op, args, body)
}

// dial connects and sends a request. The end of ctx closes the connection.
func (r *Run) dial(ctx context.Context, op string, args any) (net.Conn, error) {
	text, err := json.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("run %s: %s: %w", r.name, op, err)
	}
	conn, err := r.connect(ctx)
	for begin := time.Now(); noSocket(err) && lives(r.dir) && ctx.Err() == nil; conn, err = r.connect(ctx) {
		if time.Since(begin) > dialTime { // a process that begins, or whose socket was removed, would listen by now
			return nil, r.silent(0)
		}
		time.Sleep(5 * time.Millisecond)
	}
	switch {
	case noSocket(err):
		return nil, fmt.Errorf("run %s: %w: open it again", r.name, errNoLife)
	case errors.Is(err, private.ErrForeign) || ctx.Err() != nil:
		return nil, fmt.Errorf("run %s: %w", r.name, err)
	case err != nil: // its queue of connections is full
		return nil, r.silent(0)
	}
	conn = &patientConn{conn, r, peerPid(conn), context.AfterFunc(ctx, func() { conn.Close() })}
	conn.SetWriteDeadline(time.Now().Add(silence))
	q := request{Version: protocolVersion, Pid: os.Getpid(), Channel: os.Getenv(channel.Env), Op: op, Args: text}
	if err := writeFrame(conn, q, nil); err != nil {
		conn.Close()
		if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
			err = fmt.Errorf("its process ended: %w", io.EOF)
		} else if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, r.silent(0)
		}
		return nil, fmt.Errorf("run %s: %w", r.name, err)
	}
	return conn, nil
}

const dialTime = 2 * time.Second // to make a connection, for which the system does not need the process

func (r *Run) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	return private.Dial(ctx, r.dir, detach.SocketFile)
}

// noSocket tells whether nobody listens.
func noSocket(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// gone tells whether a request failed because the run has no process, or none any more.
func gone(err error) bool {
	return errors.Is(err, errNoLife) || errors.Is(err, io.EOF) || errors.Is(err, errEnding)
}

// read takes one reply.
func (r *Run) read(conn io.Reader, body any) ([]byte, error) {
	var answer reply
	bytes, err := readFrame(conn, &answer, largestBytes)
	for err == nil && answer.Kind == kindAlive {
		answer = reply{}
		bytes, err = readFrame(conn, &answer, largestBytes)
	}
	switch {
	case errors.Is(err, errSilent):
		return nil, err
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET):
		return nil, fmt.Errorf("run %s: its process ended before it answered: %w", r.name, io.EOF)
	case err != nil:
		return nil, fmt.Errorf("run %s: %w", r.name, err)
	case answer.Version != protocolVersion:
		return nil, fmt.Errorf("run %s: %w (its process speaks version %d, this program version %d): end it by `gantry stop %s` "+
			"and open it again by lab.Open, which keeps its state", r.name, errVersion, answer.Version, protocolVersion, r.handle())
	case answer.Kind != "":
		return nil, &kindError{answer.Error, answer.Kind}
	case answer.Error != "":
		return nil, errors.New(answer.Error)
	case body == nil:
		return bytes, nil
	}
	return bytes, json.Unmarshal(answer.Body, body)
}

// Status returns where the run stands. It is answered at once, whatever the run computes; that of a run without a process
// is its last.
func (r *Run) Status() (Status, error) {
	var s Status
	err := r.call(context.Background(), "status", nil, &s)
	if gone(err) {
		i, err := readInfo(r.dir)
		if err != nil {
			return s, err
		}
		s = i.Status
		s.Signature, s.State, s.Pid = i.Definition, Ended, 0
		return s, nil
	}
	return s, err
}

// Settings returns the present values of what Set changes.
func (r *Run) Settings() (Settings, error) {
	s, err := r.Status()
	return s.Settings, err
}

// Train trains for n more steps and shows the live figure, with the whole history, until they are done. Interrupting the
// cell pauses the run after the step that is under way; the error is then an ErrPaused that says where.
//
// Where the run is training already because of a Train or TrainAsync of the same n, Train joins it, and adds no steps: so
// a cell can be run again after the kernel was restarted. Any other n is counted from where the run is now. A run that is
// paused, by this client or another, is no longer training: Train(n) then trains for n more steps.
func (r *Run) Train(n int) error { return r.train(trainArgs{N: n, Ask: n}, n) }

// TrainTo is Train until a step, which is counted from the run's beginning. A run that has reached it is left alone.
func (r *Run) TrainTo(step int) error { return r.train(trainArgs{To: step}, step) }

// TrainAsync begins to train for n more steps, as Train does, and returns at once. In a notebook its figure goes on
// updating below the cell, also after the cell has ended and the page was loaded anew; the run goes on when the kernel is
// restarted, and the figure with it. Running the cell again while it trains joins it, as with Train.
func (r *Run) TrainAsync(n int) error {
	if n <= 0 {
		return fmt.Errorf("cannot train for %d steps: ask for at least 1", n)
	}
	var g goalReply
	if err := r.change(context.Background(), "train", trainArgs{N: n, Ask: n}, &g); err != nil || r.observer {
		return err
	}
	path := os.Getenv(channel.Env)
	if path == "" {
		fmt.Printf("run %s trains to step %d in its own process; run.Status() says where it is\n", r.name, g.Until)
		return nil
	}
	return r.call(context.Background(), "figure", figureArgs{Channel: path, Until: g.Until}, nil)
}

func (r *Run) train(a trainArgs, n int) error {
	if n <= 0 {
		return fmt.Errorf("cannot train for %d steps: ask for at least 1", n)
	}
	if r.observer {
		return nil
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	var g goalReply
	if err := r.call(ctx, "train", a, &g); err != nil {
		return err
	}
	return r.watch(ctx, g.Until, show.LiveOptions{Title: r.name, Total: g.Until}, func(Event) error { return nil })
}

// TrainShown is TrainTo with a figure of one's own, and each is told of every step that is made, with how the run was when it
// was told. The end of ctx pauses the run.
func (r *Run) TrainShown(ctx context.Context, step int, live show.LiveOptions, each func(Metric, Status) error) error {
	s, err := r.Status()
	if err != nil {
		return err
	}
	if err := r.call(ctx, "train", trainArgs{To: step}, nil); err != nil {
		return err
	}
	return r.watch(ctx, step, live, func(e Event) error {
		for _, m := range e.Metrics {
			if m.Calls <= s.Calls || m.Updates != BothNetworks {
				continue
			}
			if err := each(m, e.Status); err != nil {
				return err
			}
		}
		return nil
	})
}

// watch shows the run at work until a step is reached.
func (r *Run) watch(ctx context.Context, until int, live show.LiveOptions, each func(Event) error) error {
	f := newFigure(ctx, r, &budget{}, live)
	for event, err := range r.Follow(ctx, 0) {
		if err != nil && ctx.Err() == nil {
			return errors.Join(err, f.live.Done())
		}
		if err != nil {
			return r.interrupted(f, until)
		}
		if err := each(event); err != nil {
			return errors.Join(err, f.live.Done())
		}
		if err := f.add(event); err != nil && ctx.Err() == nil && !diskFull(err) { // the run itself says that there is no room
			return err
		}
		s := event.Status
		if s.Step >= until && f.caughtUp(s) {
			if err := f.end(""); !diskFull(err) {
				return err
			}
			return nil
		}
		if s.State == Failed {
			return errors.Join(errors.New(s.Problem), f.fail(s.Problem))
		}
		if s.State == Paused && f.caughtUp(s) {
			paused := pausedAt(s, waitArgs{Until: until})
			return errors.Join(paused, f.end("paused; run.Resume() goes on"))
		}
	}
	return nil
}

// diskFull tells whether there was no room to write.
func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

const lastLook = 2 * time.Second // for the samples of an interrupted figure

// interrupted pauses the run because its cell was interrupted.
func (r *Run) interrupted(f *figure, until int) error {
	var end context.CancelFunc
	f.ctx, end = context.WithTimeout(context.Background(), lastLook)
	defer end()
	var s Status
	err := r.change(context.Background(), "pause", nil, &s)
	if err != nil {
		return errors.Join(err, f.live.Done())
	}
	paused, remark := pausedAt(s, waitArgs{Until: until}), "paused; run.Resume() goes on"
	if s.State != Paused {
		remark = "it pauses as soon as what it computes is done"
		paused = fmt.Errorf("run %s: %w as soon as what it computes is done, after step %d of %d", r.name, ErrPaused, s.Step, until)
		f.busy = true
	}
	return errors.Join(paused, f.end(remark))
}

// Pause ends the training after the step that is under way. Where that takes longer than half a second, Pause returns
// before.
func (r *Run) Pause() error { return r.change(context.Background(), "pause", nil, nil) }

// Resume trains on to where the last Train or TrainAsync was to end, and returns at once.
func (r *Run) Resume() error { return r.change(context.Background(), "resume", nil, nil) }

// StepCritic makes k updates of the critic alone and waits for them. The run must not be training.
func (r *Run) StepCritic(k int) error { return r.alone(CriticAlone, k) }

// StepGenerator makes k updates of the generator alone and waits for them. The run must not be training.
func (r *Run) StepGenerator(k int) error { return r.alone(GeneratorAlone, k) }

func (r *Run) alone(kind Updates, k int) error {
	if k <= 0 {
		return fmt.Errorf("cannot make %d steps: ask for at least 1", k)
	}
	if r.observer {
		return nil
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	var g goalReply
	if err := r.call(ctx, "train", trainArgs{N: k, Kind: kind}, &g); err != nil {
		return err
	}
	err := r.call(ctx, "wait", waitArgs{Kind: kind, Until: g.Until}, nil)
	if ctx.Err() != nil {
		return errors.Join(fmt.Errorf("run %s: %w before all of its steps were done", r.name, ErrPaused), r.Pause())
	}
	return err
}

// Wait waits, without a figure, until the run has reached a step; the error is ErrPaused where it stops before.
func (r *Run) Wait(ctx context.Context, step int) error {
	err := r.call(ctx, "wait", waitArgs{Until: step}, nil)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// Set changes a setting from the next step on, as gan.Trainer.Set does. See Settings for the names.
func (r *Run) Set(name string, value float64) error {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return fmt.Errorf("setting %s cannot be %g: want a finite number", name, value)
	}
	return r.change(context.Background(), "set", setArgs{Name: name, Value: value}, nil)
}

// SetLoss puts the loss of this name (see loss.Named) in the place of the present one, from the next step on. The step is
// compiled anew, for which the call waits.
func (r *Run) SetLoss(name string) error {
	if name == "" {
		return errors.New("SetLoss needs the name of a loss, such as \"hinge\"")
	}
	return r.change(context.Background(), "set", setArgs{Loss: name}, nil)
}

// Render draws the samples of latents, as Generate does, as the content of a file: .png, .npy or .txt, see Rendered.
func (r *Run) Render(z []float32, classes []int32, ending string) ([]byte, error) {
	return r.ask(context.Background(), "sample", sampleArgs{Z: z, Classes: classes, As: ending}, nil)
}

// Picture is the picture of a whole page of the figure's samples, as a PNG; ErrNoPicture where there is none for the data.
func (r *Run) Picture(ctx context.Context) ([]byte, error) { return r.ask(ctx, "picture", nil, nil) }

// ONNX is the generator as a model for other programs that makes so many images at once, see export.ONNX.
func (r *Run) ONNX(batch int) ([]byte, error) {
	return r.ask(context.Background(), "export", batch, nil)
}

// Sample draws n images from latents that depend on the seed alone, as gan.Trainer.Sample does.
func (r *Run) Sample(n int, seed int64) (gan.Images, error) {
	return r.images(sampleArgs{N: n, Seed: seed})
}

// Generate maps latents, [n, latent] row-major, to n images. classes are theirs where the generator is conditional; nil
// takes the classes in turn.
func (r *Run) Generate(latents []float32, classes []int32) (gan.Images, error) {
	if len(latents) == 0 {
		return gan.Images{}, errors.New("Generate needs latents")
	}
	for _, z := range latents {
		if z != z || z-z != 0 {
			return gan.Images{}, errors.New("Generate: a latent is not finite")
		}
	}
	return r.images(sampleArgs{Z: latents, Classes: classes})
}

func (r *Run) images(a sampleArgs) (gan.Images, error) {
	var made imagesReply
	bytes, err := r.ask(context.Background(), "sample", a, &made)
	if err != nil {
		return gan.Images{}, err
	}
	return gan.Images{N: made.N, H: made.H, W: made.W, C: made.C, Data: bytesToFloats(bytes)}, nil
}

// Metrics returns what was recorded of every step since the run began. That of a run without a process is read from its
// folder.
func (r *Run) Metrics() ([]Metric, error) {
	records, err := r.ask(context.Background(), "metrics", nil, nil)
	if gone(err) {
		records, err = os.ReadFile(filepath.Join(r.dir, historyFile))
	}
	if err != nil {
		return nil, err
	}
	return parseMetrics(records, 0), nil
}

// Event is what has happened since the one before.
type Event struct {
	Metrics []Metric // recorded since, the oldest first
	Rewound bool     // the run went back: Metrics begins with its first step again
	Status  Status
}

// Follow yields what is recorded after the given call (0: everything, the whole history first), and the status whenever it
// changes, twenty times a second at most, until ctx ends, which yields its error, or the run's process does.
func (r *Run) Follow(ctx context.Context, after int) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		conn, err := r.dial(ctx, "follow", followArgs{after})
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer conn.Close()
		for {
			var e eventReply
			records, err := r.read(conn, &e)
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(Event{}, err)
				return
			}
			if !yield(Event{parseMetrics(records, e.First), e.Rewound, e.Status}, nil) {
				return
			}
		}
	}
}

// Checkpoint saves the run's state now.
func (r *Run) Checkpoint() error { return r.change(context.Background(), "checkpoint", nil, nil) }

// Checkpoints returns the steps that Rewind reaches at once.
func (r *Run) Checkpoints() ([]int, error) {
	s, err := r.Status()
	return s.Checkpoints, err
}

// Rewind pauses the run and goes back to the state after the given step: to the newest checkpoint that is not younger, and
// from there by the very steps that were made, with the settings that were changed in between, so that on a backend that
// repeats the state is that of then bit for bit. What came after is forgotten; Fork first to keep it. exact tells whether
// the steps made again reported what they did the first time.
func (r *Run) Rewind(step int) (exact bool, err error) {
	if step < 0 {
		return false, fmt.Errorf("cannot go back to step %d", step)
	}
	if r.observer {
		return true, nil
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	var done rewindReply
	err = r.call(ctx, "rewind", step, &done)
	if ctx.Err() != nil {
		return false, fmt.Errorf("run %s: interrupted on the way back to step %d; it is where that ended, see run.Status", r.name, step)
	}
	return done.Exact, err
}

// Fork opens a second run that goes on from this one's present state: change makes its experiment from a copy of this
// one's, and nil leaves it as it is. Both see the same latents and batches from there on, so what differs comes from the
// change alone, and where nothing is changed they stay equal bit for bit. The fork has a process and a folder of its own.
// Where there is a run of that name already, it is opened as by OpenWith.
func (r *Run) Fork(name string, change func(*gan.Experiment)) (*Run, error) {
	if r.exp == nil {
		return nil, fmt.Errorf("run %s was attached by name, and a fork needs its experiment: open it by lab.Open", r.name)
	}
	dir, err := dirOf(name)
	if err != nil {
		return nil, err
	}
	if dir == r.dir {
		return nil, fmt.Errorf("Fork(%q): a fork needs a name of its own", name)
	}
	exp := *r.exp
	if change != nil {
		change(&exp)
	}
	o := r.o
	o.Name = name
	if s, is := residentOf(); is {
		if s.Dir == dir {
			serve(s, exp, o)
		}
		return &Run{name: name, dir: dir, exp: &exp, o: o, observer: true}, nil
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	return forked(ctx, r, name, exp, o)
}

// Stop saves the run's state and ends its process. Open goes on from there.
func (r *Run) Stop() error {
	if r.observer {
		return nil
	}
	err := r.call(context.Background(), "stop", nil, nil)
	if err != nil && !gone(err) {
		return err
	}
	if !waitForEnd(r.dir, stopPatience) {
		return fmt.Errorf("run %s has saved its state, and its process does not end: `gantry stop %s` kills it", r.name, r.name)
	}
	return nil
}

const stopPatience = 10 * time.Second
