package setup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// courseFile, in a folder that CopyCourse has filled, tells by their SHA-256 what it put there.
const courseFile = ".course.json"

// CopyCourse puts the chapters in the folder from into the folder to, which may be a volume that outlives this version of
// them. A chapter that was not touched there since it was put there is brought up to date; one that was changed, or
// removed, is left so, and so is a file of that name that came from elsewhere.
func CopyCourse(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return fmt.Errorf("the notebooks have no place: %w; let the user of this container write there", err)
	}
	put := map[string]string{}
	record := filepath.Join(to, courseFile)
	text, err := os.ReadFile(record)
	if err == nil {
		err = json.Unmarshal(text, &put)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is damaged: %w; remove it, and the chapters that are there stay as they are", record, err)
	}
	chapters, err := filepath.Glob(filepath.Join(from, "*.ipynb"))
	if err != nil {
		return err
	}
	changed := false
	for _, chapter := range chapters {
		name := filepath.Base(chapter)
		ours, err := os.ReadFile(chapter)
		if err != nil {
			return err
		}
		theirs, err := os.ReadFile(filepath.Join(to, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		missing, last := err != nil, put[name]
		untouched := !missing && last == sum(theirs) || missing && last == ""
		if !untouched || bytes.Equal(ours, theirs) {
			continue
		}
		if err := writeFile(filepath.Join(to, name), ours, 0o644); err != nil {
			return err
		}
		put[name], changed = sum(ours), true
	}
	if !changed {
		return nil
	}
	return writeJSON(record, put)
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}
