package lab

import (
	"image"

	"gantry.local/gan/data"
	"gantry.local/gan/sample"
	"gantry.local/gan/spec"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab/process"
	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/lab/view"
)

// What a run is, as cells name it; package record and package view say more.
type (
	Status   = record.Status   // where a run stands
	State    = record.State    // what it is doing
	Settings = record.Settings // what Run.Set changes
	Metric   = record.Metric   // what is recorded of a step
	Event    = record.Event    // what has happened since the one before
	Recipe   = record.Recipe   // how a run of a recipe is made again
	View     = view.View       // what a run shows of its samples
)

// The states of a run.
const (
	Starting = record.Starting
	Training = record.Training
	Paused   = record.Paused
	Failed   = record.Failed
	Ended    = record.Ended
)

// EnvRuns names the folder that holds the run folders, see record.EnvRuns.
const EnvRuns = record.EnvRuns

// Errors that a program may want to tell apart, see where they are defined.
var (
	ErrPaused      = process.ErrPaused
	ErrUnsaved     = process.ErrUnsaved
	ErrLiving      = process.ErrLiving
	ErrNoRun       = record.ErrNoRun
	ErrDamagedInfo = record.ErrDamagedInfo
	ErrNoPicture   = view.ErrNoPicture
	ErrNoText      = view.ErrNoText
)

// RunsDir returns the folder that holds the run folders, see EnvRuns.
func RunsDir() (string, error) { return record.RunsDir() }

// RecipeOfSpec is a spec whose data, batch and seed can be chosen, see record.RecipeOfSpec.
func RecipeOfSpec(s spec.Spec) (Recipe, error) { return record.RecipeOfSpec(s) }

// RecipeIn returns how the run in a folder is made again, see record.RecipeIn.
func RecipeIn(dir string) (r Recipe, notice string, err error) { return record.RecipeIn(dir) }

// Lives tells whether a process keeps the run in a folder.
func Lives(dir string) bool { return record.Lives(dir) }

// HoldsRun tells whether there is something of a run in a folder, be it damaged.
func HoldsRun(dir string) bool { return record.Holds(dir) }

// NewView prepares to show n samples of a trainer, see view.New.
func NewView(t *train.Trainer, n int, seed int64) (*View, error) { return view.New(t, n, seed) }

// Picture draws samples that look like those of set, see view.Picture.
func Picture(samples sample.Images, set data.Set, classes int) (image.Image, error) {
	return view.Picture(samples, set, classes)
}
