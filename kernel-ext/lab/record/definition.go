package record

import (
	"gantry.local/gan/lint"
	"gantry.local/gan/method"
)

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
