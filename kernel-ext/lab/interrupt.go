package lab

import (
	"context"
	"iter"
	"os"
	"os/signal"
	"syscall"
)

// interrupted is the error of a context that an interrupt of the cell has ended. It is a context.Canceled. must and check of a cell end
// the cell with it in order, its variables as they are; see package analysis.
type interrupted struct{}

// Error implements error.
func (interrupted) Error() string { return "the cell was interrupted" }

// Is tells that it is a context.Canceled.
func (interrupted) Is(target error) bool { return target == context.Canceled }

// CellInterrupted marks the error for cells.
func (interrupted) CellInterrupted() {}

// cellContext ends with an interrupt of the cell.
type cellContext struct{ context.Context }

// Err implements context.Context.
func (c cellContext) Err() error {
	if c.Context.Err() == nil {
		return nil
	}
	return interrupted{}
}

// Context returns a context that ends when the cell is interrupted (■ in JupyterLab, or Ctrl-C): what takes it ends in order, and so does
// the cell, with its variables as they are by then. It lasts as long as the cell.
func Context() context.Context {
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	return cellContext{ctx}
}

// Loop counts from 0 to n-1, and no further once the cell is interrupted, so that what a loop has made by then is kept. In cells a loop over
// Steps is one over Loop(Steps(…)).
func Loop(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		for i := range n {
			if ctx.Err() != nil || !yield(i) {
				return
			}
		}
	}
}
