package compress

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// shapeText is a shape as the metadata of a sparse file keeps it, such as "3,3,1,64".
func shapeText(shape []int) string {
	parts := make([]string, len(shape))
	for i, dim := range shape {
		parts[i] = strconv.Itoa(dim)
	}
	return strings.Join(parts, ",")
}

func parseShape(text string) ([]int, error) {
	var shape []int
	for part := range strings.SplitSeq(text, ",") {
		dim, err := strconv.Atoi(part)
		if err != nil || dim <= 0 {
			return nil, fmt.Errorf("impossible shape %q", text)
		}
		shape = append(shape, dim)
	}
	return shape, nil
}

// count is the number of values of a shape, -1 where that is no int.
func count(shape []int) int {
	n := 1
	for _, dim := range shape {
		if dim > 0 && n > math.MaxInt/dim {
			return -1
		}
		n *= dim
	}
	return n
}
