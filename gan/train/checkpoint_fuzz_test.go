package train_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gantry.local/gan/gantest"
	"gantry.local/gan/gantest/tiny"
	"gantry.local/gan/method"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/train"
)

// FuzzRestore changes what a checkpoint says, and its checksum with it. Restoring it either fails, and leaves the trainer
// as it was, or leads to a state that can be saved and restored again.
func FuzzRestore(f *testing.F) {
	of := trainer(f, gantest.Go(f), tiny.Experiment(method.Alternating{}))
	tiny.Steps(f, of, 3)
	source := f.TempDir()
	save(f, of, 0, source)
	source = of.LastCheckpoint()
	f.Add("step", "4", 0, 0, byte(0))
	f.Add("calls", "1125899906842625", 0, 0, byte(0))
	f.Add("saved", "-1", 0, 0, byte(0))
	f.Add("seed", "12", 0, 0, byte(0))
	f.Add("setting critic.rate", "NaN", 0, 0, byte(0))
	f.Add("setting unknown", "1e39", 0, 0, byte(0))
	f.Add("gantry checkpoint", "3", 0, 0, byte(0))
	f.Add("", "", 3, 7, byte(0x7f))
	f.Add("", "", 5, 6, byte(0x80))
	f.Fuzz(func(t *testing.T, key, value string, tensor, at int, content byte) {
		file, err := safetensors.Load(source)
		if err != nil {
			t.Fatal(err)
		}
		if key != "" {
			file.Metadata[key] = value
		}
		if data := file.Tensors[uint(tensor)%uint(len(file.Tensors))].Data; len(data) > 0 {
			data[uint(at)%uint(len(data))] = content
		}
		path := filepath.Join(t.TempDir(), "checkpoint-0000000003.safetensors")
		if err := file.Save(path); err != nil {
			return // a name that no file can have
		}
		if err := of.RestoreFile(source); err != nil {
			t.Fatal(err)
		}
		_, errVerify := train.VerifyCheckpoint(path)
		if err := of.RestoreFile(path); err != nil {
			if errVerify == nil && errors.Is(err, train.ErrDamaged) {
				t.Fatalf("verified as whole, and then %v", err)
			}
			if of.Step() != 3 || of.LastCheckpoint() != source || !bytes.Equal(variablesOf(saved(t, of)), variables(t, source)) {
				t.Fatalf("after %v the trainer is another", err)
			}
			return
		}
		if errVerify != nil {
			t.Fatalf("restored, though %v", errVerify)
		}
		step := of.Step()
		again := t.TempDir()
		save(t, of, 0, again)
		if _, err := of.Restore(again); err != nil || of.Step() != step {
			t.Fatalf("what was restored and saved: step %d, %v", of.Step(), err)
		}
	})
}

func variables(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return variablesOf(content)
}
