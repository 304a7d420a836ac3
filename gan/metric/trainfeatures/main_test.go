package main

import (
	"strings"
	"testing"
)

func TestUnknownSet(t *testing.T) {
	err := train("cifar", 1, "")
	if err == nil || !strings.Contains(err.Error(), `unknown data set "cifar": use mnist or fashion-mnist`) {
		t.Errorf("error is %v, want one that names the sets", err)
	}
}
