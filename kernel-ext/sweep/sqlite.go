package sweep

import (
	"context"
	_ "embed"
	"fmt"
	"os/exec"
	"path/filepath"
)

//go:embed sqlite.py
var sqliteWriter string

// SQLite writes the sweep into a file of SQLite, in the place of one that was written before. Its tables are trials (state, problem, seconds), settings
// and metrics (every record of every trial); the view results has a line for each trial with all of it at its last step, as CSV has. SQLite is that
// of the Python that set-up installs JupyterLab with (decision 21). A file that is no sweep's is left as it is, which is an error.
func (s *Sweep) SQLite(ctx context.Context, file string) error {
	python, err := exec.LookPath(s.train.ownPython(""))
	if err != nil {
		return fmt.Errorf("there is no Python to write SQLite by: run `make setup` (%w)", err)
	}
	if file, err = filepath.Abs(file); err != nil {
		return err
	}
	if err := s.give(ctx, python, sqliteWriter, file); err != nil {
		return fmt.Errorf("the results in SQLite: %w", err)
	}
	return nil
}
