package sweep

import (
	"context"
	_ "embed"
	"fmt"
)

//go:embed mlflow.py
var mlflowWriter string

// MLflow logs the sweep to an MLflow: sqlite:///FILE, http://HOST:PORT or another tracking URI that its client takes. The sweep is an experiment, its trials
// are runs with their settings as parameters and each record's metrics. A trial that was logged before gets what it has more. python is
// the Python that has MLflow; "": that of `make mlflow`. Errors wrap ErrEngine where there is no MLflow.
func (s *Sweep) MLflow(ctx context.Context, python, uri string) error {
	python, err := s.train.pythonWith("MLflow", python)
	if err != nil {
		return err
	}
	if err := s.give(ctx, python, mlflowWriter, uri); err != nil {
		return fmt.Errorf("%w: MLflow: %w", ErrEngine, err)
	}
	return nil
}
