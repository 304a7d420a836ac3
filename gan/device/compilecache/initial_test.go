//go:build linux

package compilecache_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"

	"gantry.local/gan/device"
	"gantry.local/gan/device/compilecache"
)

// TestInitial runs in processes of their own and prints a digest of the weights that GoMLX draws from a seed.
func TestInitial(t *testing.T) {
	if os.Getenv("GANTRY_TEST_INITIAL") == "" {
		return
	}
	backend, err := device.Open("xla:cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	store := model.NewStore()
	if err := store.SetRNGStateFromSeed(7); err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	var variables []*model.Variable
	for i, draw := range []model.VariableInitializer{initializer.HeFn(store), initializer.GlorotUniformFn(store.RootScope())} {
		variables = append(variables, store.VariableWithShape(fmt.Sprintf("/v%d", i), shapes.Make(dtypes.Float32, 67, 129), draw))
	}
	if err := store.InitializeVariables(backend, nil); err != nil {
		t.Fatal(err)
	}
	for _, v := range variables {
		value, err := v.Value()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(h, tensors.MustCopyFlatData[float32](value))
	}
	fmt.Printf("weights %x\n", h.Sum(nil))
}

// TestInitialWeights wants the program of the initial weights compiled with a flag of its own, which changes no bit of them.
func TestInitialWeights(t *testing.T) {
	digest := func(cache string, env ...string) string {
		t.Helper()
		cmd := exec.Command(os.Args[0], "-test.run", "^TestInitial$")
		cmd.Env = append(append(os.Environ(), "GANTRY_TEST_INITIAL=1", compilecache.Env+"="+cache), env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		_, after, found := strings.Cut(string(out), "weights ")
		if !found {
			t.Fatalf("it said no weights: %s", out)
		}
		return strings.Fields(after)[0]
	}
	dump := t.TempDir()
	with := digest(filepath.Join(t.TempDir(), "cache"), "XLA_FLAGS=--xla_dump_to="+dump)
	if without := digest("off"); with != without {
		t.Errorf("the weights are %s, and %s by the other emitter", with, without)
	}
	told, err := filepath.Glob(filepath.Join(dump, "*VariableInitialization*debug_options"))
	if err != nil || len(told) != 1 {
		t.Fatalf("the dump has %q, %v", told, err)
	}
	if text, err := os.ReadFile(told[0]); err != nil || !strings.Contains(string(text), "xla_cpu_use_fusion_emitters: false") {
		t.Errorf("the flag did not reach XLA (%v)", err)
	}
}
