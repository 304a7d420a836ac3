package record

import (
	"gantry.local/gan/lint"
	"gantry.local/gan/method"
)

// Define tells what a description is by what it computes, on data sets that are described already.
func Define(of method.Description, on []lint.DataShape) (lint.Signature, error) {
	if itself, can := of.(interface {
		SignatureOn(shape lint.DataShape) (lint.Signature, error)
	}); can && len(on) == 1 {
		return itself.SignatureOn(on[0])
	}
	game, err := of.Game()
	if err != nil {
		return lint.Signature{}, err
	}
	return lint.SignatureOfGame(game, on)
}

// DescribeData loads a game's data sets and describes them, their content included.
func DescribeData(game method.Game) (on []lint.DataShape, err error) {
	for _, set := range game.Data {
		shape, err := lint.DescribeData(set)
		if err != nil {
			return nil, err
		}
		on = append(on, shape)
	}
	return on, nil
}
