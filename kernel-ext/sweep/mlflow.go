package sweep

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"gantry.local/gan/device"
)

//go:embed mlflow.py
var mlflowWriter string

// MLflow logs the sweep to an MLflow: sqlite:///FILE, http://HOST:PORT or another tracking URI that its client takes. The sweep is an experiment, its trials
// are runs with their settings as parameters and each record's metrics. A trial that was logged before gets what it has more. python is
// the Python that has MLflow; "": that of `make mlflow`. Errors wrap ErrEngine where there is no MLflow.
func (s *Sweep) MLflow(ctx context.Context, python, uri string) error {
	if python == "" {
		python = filepath.Join(os.Getenv(device.EnvRoot), ".venv", "mlflow", "bin", "python")
	}
	python, err := exec.LookPath(python)
	if err != nil {
		return fmt.Errorf("%w: there is no MLflow: run `make mlflow`, or name a Python that has it by --python (%w)", ErrEngine, err)
	}
	if err := s.give(ctx, python, mlflowWriter, uri); err != nil {
		return fmt.Errorf("%w: MLflow: %w", ErrEngine, err)
	}
	return nil
}
