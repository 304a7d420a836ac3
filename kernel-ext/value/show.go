package value

import (
	"errors"
	"os"
)

// File is the file that Show leaves a bundle in.
const File = "gantry_value.json"

// DirVariable is the environment variable that names the folder of File; the kernel's engine sets it.
const DirVariable = "GONB_TMP_DIR"

// Form shows values of types that this package does not know: it returns content by MIME type as Shower does, or nil for a
// value that is none of its own.
type Form func(v any) map[string]any

// Options say what else can be shown. The zero value shows what this package knows.
type Options struct {
	Forms []Form // asked in order, the first that returns something decides; default none
}

// Show leaves the values, those of a cell's last expression, for the kernel: as JSON in File, private to this user.
func (o Options) Show(values ...any) error {
	dir := os.Getenv(DirVariable)
	if dir == "" {
		return errors.New("there is no notebook to show a value in: " + DirVariable + " is not set")
	}
	return os.WriteFile(dir+string(os.PathSeparator)+File, o.Bundle(values...).JSON(), 0o600)
}

// Show is Options.Show with the zero options.
func Show(values ...any) error { return Options{}.Show(values...) }
