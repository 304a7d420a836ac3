package train

import (
	"maps"

	"gantry.local/gan/method"
)

// Settings returns the settings that can be changed while the run trains, by name, with their present values.
func (t *Trainer) Settings() map[string]float64 { return named(t.game, t.settings) }

// Set changes a setting from the next step on: a rate, a penalty's weight, an augmentation's strength. Nothing is compiled
// anew, and checkpoints keep the value.
func (t *Trainer) Set(name string, value float64) error { return set(t, name, value) }

// LastCheckpoint returns the path of the checkpoint last saved or restored, or "".
func (t *Trainer) LastCheckpoint() string { return t.place.good }

// Save writes a checkpoint of the whole state (weights, optimizers, random state, step) into dir, which is made if
// needed, and keeps the whole one before it. Whatever happens while it runs, the last good checkpoint stays; after an
// error, such as that of a full disk, the state is what it was and can be saved later. A state that is not finite is not
// saved.
func (t *Trainer) Save(dir string) error { return save(t, dir) }

// Restore brings back the checkpoint in dir that was saved last and is whole, after which training goes on as if it had
// never stopped. A damaged checkpoint is passed over for the one before it and named in skipped; where none is whole the
// error is a *DamagedError, and ErrNoCheckpoint only where there is no file at all. A checkpoint of another game is
// an error that names what differs, and so is one that cannot be read, unless one of a later step can. On an error the
// trainer's state is what it was.
func (t *Trainer) Restore(dir string) (skipped []string, err error) { return restore(t, dir) }

// RestoreFile brings back the checkpoint in one file, as Restore does the newest of a folder.
func (t *Trainer) RestoreFile(path string) error { return restoreFile(t, path) }

// Adopt goes on from the checkpoint of another game: every variable that both have, of the same name and shape,
// takes its value from there, and so do the step and the number of the call; fresh names the others, which stay as they
// are. The settings' present values are carried over where they still mean something: before are the values that the
// other game itself gave them, and a setting to which this game gives another value keeps that. It is what
// Fork does, from a file.
func (t *Trainer) Adopt(path string, before map[string]float64) (fresh []string, err error) {
	return adopt(t, path, before)
}

// SaveWeights writes the weights of each network to a file of its name, such as generator.safetensors (averaged ones, where
// samples are drawn with them), in dir, which is made if needed. Tensors are named by their path within the network, such as
// "dense_0/weights". After an error all files are what they were.
func (t *Trainer) SaveWeights(dir string) error { return saveWeights(t, dir) }

// AdoptWeights goes on from the weights that SaveWeights wrote into dir, where no checkpoint is left: a trainer that has not
// trained yet takes all networks' weights and the step (0 where the files do not name it). The optimizers begin afresh,
// and where there is an average both the network and its average begin at the average. notice says so in a sentence. On an
// error the trainer's state is what it was.
func (t *Trainer) AdoptWeights(dir string) (notice string, err error) { return adoptWeights(t, dir) }

// Fork returns a second trainer that goes on from this one's state, as a branch of the run, with another description; nil leaves
// it as it is. Both branches see the same batches and latents from here on, so what differs between them comes from the change
// alone; branches that differ in nothing stay equal bit for bit. Settings changed by Set are carried over, but for those whose
// value the new description sets anew.
//
// Every variable of the branch that this trainer has too, of the same name and shape, starts with its value; fresh names
// the others, which start as in a new run: none, unless the change is one of networks, or adds an average, which starts
// as its network's present weights.
func (t *Trainer) Fork(of method.Description) (branch *Trainer, fresh []string, err error) {
	if of == nil {
		of = t.of
	}
	return fork(t, of)
}

// Change puts another description in the place of the trainer's, from the next step on, such as one with another loss: one with
// the same variables. The step is compiled anew, which takes seconds on XLA; weights, optimizers and settings stay as they are.
// Checkpoints from then on are those of the new description. On an error everything is what it was.
func (t *Trainer) Change(of method.Description) error { return change(t, of) }

// Kept returns what a notebook keeps of the trainer between two cells: weights, optimizers, averages, settings and the
// place in the run, to the bit.
func (t *Trainer) Kept() (any, error) { return keep(t) }

// driverState is what a checkpoint keeps of the driver.
func driverState(t *Trainer) map[string]string {
	if t.driver == nil {
		return nil
	}
	return t.driver.State()
}

// beginDriven gives a driver the state of a run that it goes on from. A trainer without one has nothing to begin.
func beginDriven(t *Trainer, state map[string]string, calls int) (apply func(), err error) {
	if t.driver == nil {
		return func() {}, nil
	}
	return t.driver.Read(state, host(t), calls)
}

// clear takes back what an update that failed may have left.
func clear(t *Trainer) error {
	if t.driver == nil {
		return nil
	}
	return t.driver.Clear(host(t))
}

// identity is what a checkpoint must share with the game.
func identity(t *Trainer) map[string]string { return maps.Clone(t.game.Identity) }

// settingNames lists the settings in their order.
func settingNames(game method.Game) (names []string) {
	for _, s := range game.AllSettings() {
		names = append(names, s.Name)
	}
	return names
}
