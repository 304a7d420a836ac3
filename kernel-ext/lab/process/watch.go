package process

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"gantry.local/kernel-ext/internal/resident"
)

// watchPlace ends the run when its folder is no longer its own: nothing is left behind where a person deleted it, and one
// that was moved is saved where it is now. A socket that was deleted is opened anew.
func (r *Keeper) watchPlace() {
	tick := time.NewTicker(placeTime)
	defer tick.Stop()
	for {
		select {
		case <-r.ended:
			return
		case <-tick.C:
		}
		var moved *movedError
		switch err := r.place.check(); {
		case errors.As(err, &moved):
			err := r.between(context.Background(), r.writeState)
			r.lose(errors.Join(moved, err))
			return
		case errors.Is(err, errDeleted), errors.Is(err, errTaken):
			r.lose(err)
			return
		}
		if _, err := os.Lstat(filepath.Join(r.place.dir, resident.SocketFile)); errors.Is(err, os.ErrNotExist) {
			r.server.Listen(r.place.dir)
		}
	}
}
