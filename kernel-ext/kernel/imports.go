//go:build cells

package kernel

// What cells import of GoMLX beyond what the project does, so that go.mod and go.sum know all that it needs: cells are
// built by the project's own (see engine.WriteModule). No build has the tag.
import (
	_ "github.com/gomlx/gomlx/ml/layers"
	_ "github.com/gomlx/gomlx/ml/train"
)
