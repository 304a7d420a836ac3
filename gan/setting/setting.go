// Package setting says what of a run can be changed while it trains: rates, weights, strengths. The part that a setting
// belongs to lists it with name, value and range, so who shows, changes or keeps settings knows no part by name.
package setting

import (
	"fmt"
	"math"
	"slices"
)

// Setting is a number that a part of a run reads anew in each step.
type Setting struct {
	Name     string   // within its part, such as "rate"
	Value    float64  // at the start of a run
	Min, Max float64  // the range, both ends included; at most what a float32 holds
	Schedule Schedule // of the value over the run; nil is constant
	Follow   Follower // moves the value after each step; nil leaves it
}

// Schedule changes a setting over a run. Implementations are small comparable values, so they can be kept in settings.
type Schedule interface {
	// Factor is what the setting is multiplied with in the step after `step` done ones; it is finite and not negative.
	Factor(step int) float64

	// String is the schedule's name with its constants, as kept in checkpoints.
	String() string
}

// Follower moves a setting by what the steps of a run report. Implementations are small comparable values.
type Follower interface {
	// Follows is the name of the number that Next is given, as the step reports it.
	Follows() string

	// Next returns the value after a step in which it was now, before it is held in the setting's range. samples is the number of
	// real samples that the step looked at.
	Next(now, reported float64, samples int) float64
}

// Advance is the setting's value after a step in which it was now, by what its Follower says.
func (s Setting) Advance(now, reported float64, samples int) (float64, error) {
	next := s.Follow.Next(now, reported, samples)
	if math.IsNaN(next) {
		return now, fmt.Errorf("setting %s becomes NaN", s.Name)
	}
	return min(s.Max, max(s.Min, next)), nil
}

// NonNegative is a setting of any finite size, from 0 on.
func NonNegative(name string, value float64) Setting {
	return Setting{Name: name, Value: value, Max: math.MaxFloat32}
}

// Fraction is a setting from 0 to 1.
func Fraction(name string, value float64) Setting {
	return Setting{Name: name, Value: value, Max: 1}
}

// Allows returns an error for a value that the setting cannot have.
func (s Setting) Allows(value float64) error {
	switch {
	case value >= s.Min && value <= s.Max:
		return nil
	case s.Max == math.MaxFloat32:
		return fmt.Errorf("setting %s cannot be %g: want a finite number of at least %g", s.Name, value, s.Min)
	}
	return fmt.Errorf("setting %s cannot be %g: want a number from %g to %g", s.Name, value, s.Min, s.Max)
}

// At is what a step takes after `step` done ones, where value is the setting's present one: that times the schedule's factor,
// held in the range.
func (s Setting) At(value float64, step int) float32 {
	if s.Schedule != nil {
		value = min(max(value*s.Schedule.Factor(step), s.Min), s.Max)
	}
	return float32(value)
}

// Numbered gives settings that share a name different ones: the second "rate" is "rate.2". The list that it is given stays as
// it is.
func Numbered(all []Setting) []Setting {
	numbered := slices.Clone(all)
	for i := range numbered {
		taken := func(s Setting) bool { return s.Name == numbered[i].Name }
		for number := 2; slices.ContainsFunc(numbered[:i], taken); number++ {
			numbered[i].Name = fmt.Sprintf("%s.%d", all[i].Name, number)
		}
	}
	return numbered
}
