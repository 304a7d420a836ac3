package train

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/optim"
	"gantry.local/gan/safetensors"
)

const (
	checkpointVersion = "2"
	stepKey           = "step"
	callsKey          = "calls"
	orderKey          = "saved"    // after how many times of going back
	settingPrefix     = "setting " // of the settings' present values
	versionKey        = "gantry checkpoint"
)

// save is Trainer.Save.
func save(t *Trainer, dir string) error {
	if err := ready(t, dir); err != nil {
		return err
	}
	file, err := collect(t.ground.Store, "/", identity(t))
	if err != nil {
		return err
	}
	before, err := openCheckpoints(dir)
	if err != nil {
		return fmt.Errorf("cannot save: %w", err)
	}
	path := filepath.Join(dir, checkpointName(t.place.step))
	file.Metadata[versionKey] = checkpointVersion
	if order := before.nextOrder(t.place.calls, path); order > 0 {
		file.Metadata[orderKey] = strconv.Itoa(order)
	}
	noteStep(t, file)
	for i, s := range t.game.AllSettings() {
		if err := s.Allows(t.settings[i]); err != nil {
			return fmt.Errorf("cannot save: %w", err)
		}
		file.Metadata[settingPrefix+s.Name] = strconv.FormatFloat(t.settings[i], 'g', -1, 64)
	}
	maps.Copy(file.Metadata, driverState(t))
	if err := file.Save(path); err != nil {
		return err
	}
	t.place.good = path
	return before.prune(path)
}

// noteStep writes into a file which state of the run it is of.
func noteStep(t *Trainer, file *safetensors.File) {
	file.Metadata[stepKey], file.Metadata[callsKey] = strconv.Itoa(t.place.step), strconv.Itoa(t.place.calls)
}

// ready makes dir a folder to save in, without what writers killed before their rename have left there.
func ready(t *Trainer, dir string) error {
	if err := t.usable(); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot save: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("cannot save: %w", err)
	}
	for _, entry := range entries {
		name, hidden := strings.CutPrefix(entry.Name(), ".")
		ours := strings.HasPrefix(name, checkpointPrefix) || slices.ContainsFunc(namesOf(t.game), func(network string) bool {
			return strings.HasPrefix(name, weightsFile(network))
		})
		if !hidden || !ours || !strings.HasSuffix(name, ".tmp") {
			continue
		}
		if err := remove(filepath.Join(dir, entry.Name())); err != nil { // on a full disk it is in the way
			return fmt.Errorf("cannot save: %w", err)
		}
	}
	return nil
}

// collect makes a file of the variables below prefix, named by the rest of their path; the data set is left out.
func collect(store *model.Store, prefix string, metadata map[string]string) (*safetensors.File, error) {
	file := &safetensors.File{Metadata: metadata}
	for v := range store.IterVariables() {
		name, found := strings.CutPrefix(v.Path(), prefix)
		if !found || strings.HasPrefix(v.Path(), dataScope+"/") {
			continue
		}
		value, err := v.Value()
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", v.Path(), err)
		}
		stored, err := toStored(name, value)
		if err != nil {
			return nil, err
		}
		file.Tensors = append(file.Tensors, stored)
	}
	return file, nil
}

// restore is Trainer.Restore.
func restore(t *Trainer, dir string) (skipped []string, err error) {
	found, err := openCheckpoints(dir)
	if err != nil {
		return nil, err
	}
	if len(found.whole)+len(found.problems) == 0 {
		return nil, fmt.Errorf("%w in %s", ErrNoCheckpoint, dir)
	}
	var damaged, unknown []Checkpoint
	for _, c := range found.problems {
		if errors.Is(c.Problem, ErrDamaged) {
			damaged = append(damaged, c)
		} else {
			unknown = append(unknown, c)
		}
	}
	for _, c := range slices.Backward(found.whole) {
		if err := newerThan(c, unknown); err != nil {
			return problemsOf(damaged), err
		}
		err := restoreFile(t, c.Path)
		if !errors.Is(err, ErrDamaged) {
			return problemsOf(damaged), err
		}
		c.Problem = err
		damaged = append(damaged, c)
	}
	if len(unknown) > 0 {
		return problemsOf(damaged), unknown[0].Problem
	}
	return problemsOf(damaged), &DamagedError{Dir: dir, Checkpoints: damaged, Weights: weightsNear(dir, namesOf(t.game)...)}
}

// newerThan returns the problem of a file that may be newer than a checkpoint.
func newerThan(c Checkpoint, unknown []Checkpoint) error {
	for _, u := range unknown {
		if u.Step >= c.Step {
			return u.Problem
		}
	}
	return nil
}

// restoreFile is Trainer.RestoreFile.
func restoreFile(t *Trainer, path string) error {
	if err := open(t, nil); err != nil {
		return err
	}
	r, err := safetensors.Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	from, settings, err := accepts(t, path, r)
	if err != nil {
		return orDamage(r, err)
	}
	drive, err := beginDriven(t, r.Metadata, from.Calls)
	if err != nil {
		return orDamage(r, fmt.Errorf("%s: %w", path, err))
	}
	file, err := readFinite(path, r)
	if err != nil {
		return err
	}
	values := map[string]*tensors.Tensor{}
	for _, stored := range file.Tensors {
		if values["/"+stored.Name], err = fromStored(stored); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	for v := range variables(t) {
		if err := v.SetValue(values[v.Path()]); err != nil {
			t.failed = fmt.Errorf("restoring %s: %w", path, err)
			return t.failed
		}
	}
	if err := errors.Join(beginAverages(t, nil), clear(t)); err != nil {
		t.failed = fmt.Errorf("restoring %s: %w", path, err)
		return t.failed
	}
	drive()
	t.place, t.settings, t.failed = place{from.Step, from.Calls, path, true}, settings, nil
	return nil
}

// orDamage puts the damage of a file, if there is any, in the place of what its header made seem wrong.
func orDamage(r *safetensors.Reader, err error) error {
	if !r.Checked {
		return err
	}
	if damage := verify(r); errors.Is(damage, ErrDamaged) {
		return damage
	}
	return err
}

// accepts compares what a checkpoint's header says with the experiment, before anything else of the file is read.
func accepts(t *Trainer, path string, r *safetensors.Reader) (from Checkpoint, settings []float64, err error) {
	if from, err = newCheckpoint(path, r); err != nil {
		return from, nil, err
	}
	var differences []string
	for name, want := range maps.Clone(t.game.Identity) {
		if got := r.Metadata[name]; optim.Canonical(got) != want {
			differences = append(differences, fmt.Sprintf("%s is %s there and %s here", name, got, want))
		}
	}
	if len(differences) > 0 {
		slices.Sort(differences)
		return from, nil, fmt.Errorf("%s belongs to another experiment: %s", path, strings.Join(differences, "; "))
	}
	for _, own := range t.game.AllSettings() {
		text, found := r.Metadata[settingPrefix+own.Name]
		if !found { // what the version that saved it could not change
			settings = append(settings, own.Value)
			continue
		}
		value, err := strconv.ParseFloat(text, 64)
		if err == nil {
			err = own.Allows(value)
		}
		if err != nil {
			return from, nil, fmt.Errorf("%s: %w: %w", path, ErrDamaged, err)
		}
		settings = append(settings, value)
	}
	wanted := map[string]shapes.Shape{}
	for v := range variables(t) {
		wanted[v.Path()[1:]] = v.Shape()
	}
	if difference := misfit(wanted, r.Tensors); difference != "" {
		return from, nil, fmt.Errorf("%s belongs to another network: %s", path, difference)
	}
	return from, settings, nil
}

// variables yields what a checkpoint keeps: all but the data set.
func variables(t *Trainer) iter.Seq[*model.Variable] {
	return func(yield func(*model.Variable) bool) {
		for v := range t.ground.Store.IterVariables() {
			if !strings.HasPrefix(v.Path(), dataScope+"/") && !yield(v) {
				return
			}
		}
	}
}

// misfit says how a file's tensors differ from the variables that are wanted, by name and shape; "" where they fit.
func misfit(wanted map[string]shapes.Shape, stored []safetensors.Tensor) string {
	left := map[string]bool{}
	for name := range wanted {
		left[name] = true
	}
	for _, s := range stored {
		want, found := wanted[s.Name]
		switch {
		case !found:
			return fmt.Sprintf("it has a variable %s that is not here", s.Name)
		case storedNames()[want.DType] != s.DType || !slices.Equal(want.Dimensions, s.Shape):
			return fmt.Sprintf("variable %s is %s %v there and %s %v here", s.Name, s.DType, s.Shape,
				storedNames()[want.DType], want.Dimensions)
		}
		delete(left, s.Name)
	}
	lacking := ""
	for name := range left {
		if lacking == "" || name < lacking {
			lacking = name
		}
	}
	if lacking != "" {
		return "it has no variable " + lacking
	}
	return ""
}

// readFinite reads and verifies a file's tensors, which must be finite.
func readFinite(path string, r *safetensors.Reader) (*safetensors.File, error) {
	file, err := r.Read()
	if err != nil {
		return nil, err
	}
	for _, stored := range file.Tensors {
		if err := stored.CheckFinite(); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", path, ErrDamaged, err)
		}
	}
	return file, nil
}

// storedNames maps GoMLX's dtypes to those of safetensors.
func storedNames() map[dtypes.DType]string {
	return map[dtypes.DType]string{
		dtypes.Float16: "F16", dtypes.BFloat16: "BF16", dtypes.Float32: "F32", dtypes.Float64: "F64",
		dtypes.Int8: "I8", dtypes.Int16: "I16", dtypes.Int32: "I32", dtypes.Int64: "I64",
		dtypes.Uint8: "U8", dtypes.Uint16: "U16", dtypes.Uint32: "U32", dtypes.Uint64: "U64", dtypes.Bool: "BOOL",
	}
}

// toStored copies a value, which must be finite: a state with other numbers cannot be trained on, and must not take the
// place of one that can.
func toStored(name string, value *tensors.Tensor) (safetensors.Tensor, error) {
	dtype, found := storedNames()[value.DType()]
	if !found {
		return safetensors.Tensor{}, fmt.Errorf("variable %s: safetensors has no %s", name, value.DType())
	}
	stored := safetensors.Tensor{Name: name, DType: dtype, Shape: value.Shape().Dimensions}
	err := value.ConstBytes(func(data []byte) { stored.Data = slices.Clone(data) })
	if err != nil {
		return stored, fmt.Errorf("variable %s: %w", name, err)
	}
	if err := stored.CheckFinite(); err != nil {
		return stored, fmt.Errorf("cannot save: %w; go back to a checkpoint", err)
	}
	return stored, nil
}

// fromStored makes a value of a stored tensor, which must be finite.
func fromStored(stored safetensors.Tensor) (*tensors.Tensor, error) {
	if err := stored.CheckFinite(); err != nil {
		return nil, err
	}
	for dtype, name := range storedNames() {
		if name == stored.DType {
			value := tensors.FromShape(shapes.Make(dtype, stored.Shape...))
			err := value.MutableBytes(func(data []byte) { copy(data, stored.Data) })
			return value, err
		}
	}
	return nil, fmt.Errorf("tensor %s has dtype %s, which this program does not know", stored.Name, stored.DType)
}
