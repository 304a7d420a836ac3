package compare

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"gantry.local/gan/lint"
	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/show"
)

// Side is one run of a comparison.
type Side struct {
	Name     string             // which no other side has
	Info     record.Info        // what the run keeps of how it is made
	Status   record.Status      // where it stands
	History  *show.History      // of all that it has reported
	Measured *record.Measured   // nil: it was not measured
	Last     map[string]float64 // of each number, what was reported last
	Picture  []byte             // samples, PNG; nil: none
}

// curvePoints are the most points of a curve: those of several runs are seen beside each other once they are smooth.
const curvePoints = 200

// Read reads a run's folder. status is where the run stands, which its process, if it has one, knows best. A side has no Picture yet.
func Read(dir string, status record.Status) (Side, error) {
	i, err := record.ReadInfo(dir)
	if err != nil {
		return Side{}, err
	}
	s := Side{Name: filepath.Base(dir), Info: *i, Status: status, History: &show.History{Limit: curvePoints}}
	if s.Status.Data.Name == "" {
		s.Status.Data = lint.DataShape(i.Data)
	}
	stretches, err := record.Stretches(dir, record.MostStretches)
	for _, stretch := range stretches {
		s.History.AddStretch(stretch)
	}
	if err == nil {
		s.Last, err = record.LastNumbers(dir)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // one that has not trained yet has none
		return Side{}, fmt.Errorf("run %s: %w", s.Name, err)
	}
	s.Measured, err = record.ReadMeasured(dir)
	return s, err
}

// shape is that of the run's samples: height×width×channels.
func (s Side) shape() string {
	d := s.Status.Data
	return fmt.Sprintf("%d×%d×%d", d.Height, d.Width, d.Depth)
}
