package lab

import "gantry.local/gan/method"

// keptRun stands in for a Run in a notebook whose variables live on from cell to cell. A Run only asks the process that keeps
// the run, or reads its folder, so its place and what it was opened by is all there is.
type keptRun struct {
	Name, Dir string
	Of        method.Description // nil: attached by name
	Options   RunOptions         // without Check, which only an opening calls
	Notice    string
}

// Kept returns what a notebook keeps of r between two cells.
func (r *Run) Kept() (any, error) {
	k := keptRun{Name: r.name, Dir: r.dir, Of: r.of, Options: r.o, Notice: r.notice}
	k.Options.Check = nil
	return k, nil
}

// Restored attaches to the run again, whether it lives or has ended meanwhile. In the process of a run it only looks on, as
// all do there.
func (k keptRun) Restored() (any, error) {
	_, resident := residentOf()
	return &Run{name: k.Name, dir: k.Dir, of: k.Of, o: k.Options, notice: k.Notice, observer: resident}, nil
}
