package method

import (
	"fmt"

	"gantry.local/gan/data"
)

// Choice is what a person may choose of any description, without knowing what it is.
type Choice struct {
	Data      []data.Set // in the place of the description's own, as many as it has; nil: its own
	BatchSize int        // 0: the description's own
	Seed      int64      // taken as it is; every value is as good as another
}

// Chosen is a Description of which data, batch size and seed can be chosen: a Game, a gan.Experiment, a translate.Experiment.
type Chosen interface {
	Description

	// With returns a copy of the description with what is chosen. It is an error where the number of data sets is another.
	With(c Choice) (Description, error)
}

// With is a description with what is chosen, an error for one of which nothing can be.
func With(of Description, c Choice) (Description, error) {
	chosen, can := of.(Chosen)
	if !can {
		return nil, fmt.Errorf("of a %T neither data nor batch nor seed can be chosen: give it a method With", of)
	}
	return chosen.With(c)
}

// One is the data set of a description that has one: the chosen, else its own.
func (c Choice) One(name string, own data.Set) (data.Set, error) {
	if len(c.Data) == 0 {
		return own, nil
	}
	if len(c.Data) > 1 {
		return own, wrongSets(name, 1, len(c.Data))
	}
	return c.Data[0], nil
}

func wrongSets(name string, want, given int) error {
	return fmt.Errorf("%q trains on %d data set(s), and %d are given", name, want, given)
}
