package gan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/safetensors"
)

const (
	generatorFile     = "generator.safetensors"
	criticFile        = "critic.safetensors"
	checkpointPrefix  = "checkpoint-"
	checkpointSuffix  = ".safetensors"
	checkpointsKept   = 2
	checkpointVersion = "2"
	stepKey           = "step"
	callsKey          = "calls"
	settingPrefix     = "setting " // of the settings' present values
	versionKey        = "gantry checkpoint"
)

// ErrNoCheckpoint is returned by Trainer.Restore for a folder without checkpoints.
var ErrNoCheckpoint = errors.New("no checkpoint")

// SaveWeights writes the weights of both networks to generator.safetensors (with an EMA the averaged ones) and
// critic.safetensors in dir, which is made if needed. Tensors are named by their path within the network, such as
// "dense_0/weights".
func (t *Trainer) SaveWeights(dir string) error {
	if err := t.ready(dir); err != nil {
		return err
	}
	for name, scope := range map[string]string{generatorFile: t.sampler.scope, criticFile: criticScope} {
		file, err := collect(t.store, scope+"/", t.exp.settings())
		if err != nil {
			return err
		}
		if err := file.Save(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// Save writes a checkpoint of the whole state (weights, both optimizers, random state, step) into dir, which is made if
// needed, and keeps the one before it. Whatever happens while it runs, the last good checkpoint stays.
func (t *Trainer) Save(dir string) error {
	if err := t.ready(dir); err != nil {
		return err
	}
	file, err := collect(t.store, "/", t.exp.settings())
	if err != nil {
		return err
	}
	file.Metadata[versionKey], file.Metadata[stepKey] = checkpointVersion, strconv.Itoa(t.step)
	file.Metadata[callsKey] = strconv.Itoa(t.calls)
	for i, name := range t.exp.settingNames() {
		file.Metadata[settingPrefix+name] = strconv.FormatFloat(t.settings[i], 'g', -1, 64)
	}
	path := filepath.Join(dir, fmt.Sprintf("%s%010d%s", checkpointPrefix, t.step, checkpointSuffix))
	if err := file.Save(path); err != nil {
		return err
	}
	t.good = path
	return prune(dir)
}

func (t *Trainer) ready(dir string) error {
	if t.failed != nil {
		return t.failed
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot save: %w", err)
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

// Restore brings back the newest good checkpoint in dir, after which training goes on as if it had never stopped. A
// damaged checkpoint is passed over for the one before it and named in skipped. A checkpoint of another experiment is an
// error that names what differs. On an error the trainer's state is what it was.
func (t *Trainer) Restore(dir string) (skipped []string, err error) {
	paths, err := checkpoints(dir)
	if err != nil {
		return nil, err
	}
	for _, path := range slices.Backward(paths) {
		file, err := safetensors.Load(path)
		switch {
		case errors.Is(err, safetensors.ErrDamaged):
			skipped = append(skipped, err.Error())
			continue
		case err != nil:
			return skipped, err
		}
		return skipped, t.restore(path, file)
	}
	if len(skipped) > 0 {
		return skipped, fmt.Errorf("%w in %s is whole: %s", ErrNoCheckpoint, dir, strings.Join(skipped, "; "))
	}
	return nil, fmt.Errorf("%w in %s", ErrNoCheckpoint, dir)
}

func (t *Trainer) restore(path string, file *safetensors.File) error {
	if version := file.Metadata[versionKey]; version != checkpointVersion {
		return fmt.Errorf("%s is no checkpoint of this program (version %q, want %q)", path, version, checkpointVersion)
	}
	var differences []string
	for name, want := range t.exp.settings() {
		if got := file.Metadata[name]; got != want {
			differences = append(differences, fmt.Sprintf("%s is %s there and %s here", name, got, want))
		}
	}
	if len(differences) > 0 {
		slices.Sort(differences)
		return fmt.Errorf("%s belongs to another experiment: %s", path, strings.Join(differences, "; "))
	}
	from, err := newCheckpoint(path, file)
	if err != nil {
		return err
	}
	settings := make([]float64, len(t.settings))
	for i, name := range t.exp.settingNames() {
		text := file.Metadata[settingPrefix+name]
		if settings[i], err = strconv.ParseFloat(text, 64); err != nil {
			return fmt.Errorf("%s: setting %s is %q, which is no number", path, name, text)
		}
	}

	values := make(map[string]*tensors.Tensor, len(file.Tensors))
	for v := range t.store.IterVariables() {
		if strings.HasPrefix(v.Path(), dataScope+"/") {
			continue
		}
		stored, found := file.Tensor(v.Path()[1:])
		if !found {
			return fmt.Errorf("%s belongs to another network: it has no variable %s", path, v.Path()[1:])
		}
		value, err := fromStored(stored)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if !value.Shape().Equal(v.Shape()) {
			return fmt.Errorf("%s belongs to another network: variable %s is %s there and %s here", path, stored.Name,
				value.Shape(), v.Shape())
		}
		values[v.Path()] = value
	}
	if len(values) != len(file.Tensors) {
		return fmt.Errorf("%s belongs to another network: it has %d variables, want %d", path, len(file.Tensors),
			len(values))
	}
	for v := range t.store.IterVariables() {
		if value, found := values[v.Path()]; found {
			if err := v.SetValue(value); err != nil {
				t.failed = fmt.Errorf("restoring %s: %w", path, err)
				return t.failed
			}
		}
	}
	t.step, t.calls, t.settings, t.good, t.failed = from.Step, from.Calls, settings, path, nil
	return nil
}

// checkpoints lists the checkpoints in dir, oldest first.
func checkpoints(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is no folder %s", ErrNoCheckpoint, dir)
	}
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, entry := range entries { // sorted by name, and the step in the name has a fixed width
		if strings.HasPrefix(entry.Name(), checkpointPrefix) && strings.HasSuffix(entry.Name(), checkpointSuffix) {
			paths = append(paths, filepath.Join(dir, entry.Name()))
		}
	}
	return paths, nil
}

// prune removes all but the newest checkpoints, and what writers killed before their rename have left.
func prune(dir string) error {
	paths, err := checkpoints(dir)
	if err != nil {
		return err
	}
	stale, err := filepath.Glob(filepath.Join(dir, "."+checkpointPrefix+"*.tmp"))
	if err != nil {
		return err
	}
	stale = append(stale, paths[:max(0, len(paths)-checkpointsKept)]...)
	for _, path := range stale {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("removing an old checkpoint: %w", err)
		}
	}
	return nil
}

// storedNames maps GoMLX's dtypes to those of safetensors.
func storedNames() map[dtypes.DType]string {
	return map[dtypes.DType]string{
		dtypes.Float16: "F16", dtypes.BFloat16: "BF16", dtypes.Float32: "F32", dtypes.Float64: "F64",
		dtypes.Int8: "I8", dtypes.Int16: "I16", dtypes.Int32: "I32", dtypes.Int64: "I64",
		dtypes.Uint8: "U8", dtypes.Uint16: "U16", dtypes.Uint32: "U32", dtypes.Uint64: "U64", dtypes.Bool: "BOOL",
	}
}

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
	return stored, nil
}

func fromStored(stored safetensors.Tensor) (*tensors.Tensor, error) {
	for dtype, name := range storedNames() {
		if name == stored.DType {
			value := tensors.FromShape(shapes.Make(dtype, stored.Shape...))
			err := value.MutableBytes(func(data []byte) { copy(data, stored.Data) })
			return value, err
		}
	}
	return nil, fmt.Errorf("tensor %s has dtype %s, which this program does not know", stored.Name, stored.DType)
}
