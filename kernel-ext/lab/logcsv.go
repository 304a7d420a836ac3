package lab

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"gantry.local/kernel-ext/lab/record"
)

// CSV is everything that the run has recorded as comma-separated values, a line for each step of any kind: call, step, the network that moved
// alone or nothing, epoch, seconds of training, and each number by its name with _ for spaces, empty where the step does not report it.
// What the run's process has not written yet is missing.
func (r *Run) CSV() ([]byte, error) {
	if r.observer {
		return nil, nil
	}
	var names []string
	err := record.Each(r.dir, func(m Metric) error {
		for _, n := range m.Numbers {
			if !slices.Contains(names, n.Name) {
				names = append(names, n.Name)
			}
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("run %s has recorded nothing yet", r.name)
	}
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	head := []string{"call", "step", "alone", "epoch", "seconds"}
	for _, name := range names {
		head = append(head, strings.ReplaceAll(name, " ", "_"))
	}
	if err := w.Write(head); err != nil {
		return nil, err
	}
	err = record.Each(r.dir, func(m Metric) error {
		if m.Lost {
			return nil
		}
		line := []string{strconv.Itoa(m.Calls), strconv.Itoa(m.Step), m.Alone, strconv.Itoa(m.Epoch), strconv.FormatFloat(m.Seconds, 'f', 6, 64)}
		for _, name := range names {
			cell := ""
			if m.Reports(name) {
				cell = strconv.FormatFloat(m.Value(name), 'g', -1, 64)
			}
			line = append(line, cell)
		}
		return w.Write(line)
	})
	if err != nil {
		return nil, err
	}
	w.Flush()
	return text.Bytes(), w.Error()
}
