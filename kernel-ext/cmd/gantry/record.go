package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"gantry.local/gan/method"
	"gantry.local/gan/metric"
	"gantry.local/kernel-ext/lab"
)

// recordLine is a line of progress.jsonl and of --json: step, seconds since this command began to train, steps per second, epoch, and
// then each number that steps of the run report, by its name with _ for spaces, 0 where this one does not; of the distance the last that
// was measured, once there is one. A private run has
// its epsilon and delta too; one that began with weights that are not private has a delta and no epsilon.
func recordLine(m lab.Metric, names []string, spent *method.PrivacySpent) ([]byte, error) {
	type field struct {
		key   string
		value any
	}
	fields := []field{{"step", m.Step}, {"seconds", m.Seconds}, {"steps_per_second", m.StepsPerSecond}, {"epoch", m.Epoch}}
	for _, name := range usualNumbers(names) {
		if name == metric.KernelName && !m.Reports(name) {
			continue // 0 would be a distance
		}
		fields = append(fields, field{recordKey(name), m.Value(name)})
	}
	if spent != nil {
		if spent.Open == 0 {
			fields = append(fields, field{"epsilon", spent.Epsilon})
		}
		fields = append(fields, field{"delta", spent.Delta})
	}
	line := []byte{'{'}
	for i, f := range fields {
		if i > 0 {
			line = append(line, ',')
		}
		key, err := json.Marshal(f.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(f.value)
		if err != nil {
			return nil, fmt.Errorf("%s is %v: %w", f.key, f.value, err)
		}
		line = slices.Concat(line, key, []byte{':'}, value)
	}
	return append(line, "}\n"...), nil
}

// usualNumbers are the names of numbers, and, where they are those of a generator and a critic, all that lines of these have always
// had, penalties or not.
func usualNumbers(names []string) []string {
	names = slices.Clone(names)
	if slices.Contains(names, method.CriticLoss) && slices.Contains(names, method.GeneratorLoss) && !slices.Contains(names, method.PenaltyTerm) {
		names = append(names, method.PenaltyTerm)
	}
	return names
}

// recordKey is the key of a number.
func recordKey(name string) string { return strings.ReplaceAll(name, " ", "_") }

// recordKeys are the keys that lines of recipes have: all of them train a generator and a critic.
func recordKeys() []string {
	keys := []string{"step", "seconds", "steps_per_second", "epoch"}
	for _, name := range []string{method.CriticLoss, method.GeneratorLoss, method.PenaltyTerm, method.RealLogit, method.FakeLogit,
		method.RealAccuracy, method.FakeAccuracy, method.CriticGradient, method.GeneratorGradient, method.RealSign, metric.KernelName} {
		keys = append(keys, recordKey(name))
	}
	return append(keys, "epsilon", "delta")
}
