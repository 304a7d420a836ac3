package train

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/internal/tracing"
)

// draw gives the state its initial values, where it has none.
func draw(t *Trainer) error {
	if t.place.drawn {
		return nil
	}
	err := t.ground.Store.InitializeVariables(t.backend, nil)
	if err == nil {
		err = beginAverages(t, nil)
	}
	if err != nil {
		return fmt.Errorf("%q has no initial weights: %w", t.game.Name, err)
	}
	t.place.drawn = true
	return nil
}

// errMade tells GoMLX that nothing is left to be run.
var errMade = errors.New("the initial values are made")

// initialValues begins to make what GoMLX gives to the variables that have no value, after the random state that follows. The
// function that it returns waits for them. Of the store they change nothing.
func initialValues(t *Trainer, random *model.Variable) (wait func() ([]*tensors.Tensor, error)) {
	var values []*tensors.Tensor
	run := func(initial *model.Exec) (err error) {
		defer func() { err = tracing.Error(recover(), err) }()
		g, err := initial.Compile()
		if err != nil {
			return err
		}
		defer initial.Finalize()
		var inputs []any
		if g.NumParameters() > 0 {
			state, err := random.Value()
			if err != nil {
				return err
			}
			inputs = append(inputs, state)
		}
		values = g.Run(inputs...)
		return errMade
	}
	made := make(chan error, 1)
	go func() { made <- t.ground.Store.InitializeVariables(t.backend, run) }()
	return func() ([]*tensors.Tensor, error) {
		if err := <-made; !errors.Is(err, errMade) {
			return nil, cmp.Or(err, errors.New("no variable lacks a value"))
		}
		return values, nil
	}
}
