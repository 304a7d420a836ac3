package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/lint"
	"gantry.local/gan/method"
	"gantry.local/gan/optim"
	"gantry.local/gan/part"
	"gantry.local/gan/recipe"
	"gantry.local/gan/sample"
)

// Spec is what is said of an experiment, by the names of Keys.
type Spec map[string]string

const largest = 1 << 20 // bytes of a file

// Read reads the spec in a file. Whether its values are possible shows where something is made of it.
func Read(path string) (Spec, error) {
	text, err := Text(path)
	if err != nil {
		return nil, err
	}
	s, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Text reads a file of at most a MiB that should be a spec, of an experiment or of something else, such as a sweep.
func Text(path string) ([]byte, error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("there is no spec %s: name a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, largest+1))
	if err != nil {
		return nil, err
	}
	if len(text) > largest {
		return nil, fmt.Errorf("%s is larger than %d bytes: it is no spec", path, largest)
	}
	return text, nil
}

// Parse is Read for a text.
func Parse(text []byte) (Spec, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	s := Spec{}
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New(`want { and what is to be trained, such as {"recipe": "mlp", "loss": "hinge"}`)
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, noJSON(text, decoder, err)
		}
		line := 1 + bytes.Count(text[:decoder.InputOffset()], []byte("\n"))
		key, _ := token.(string)
		if err := known(key); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if _, twice := s[key]; twice {
			return nil, fmt.Errorf("line %d: %q stands there already", line, key)
		}
		var value any
		if err := decoder.Decode(&value); err != nil {
			return nil, noJSON(text, decoder, err)
		}
		if s[key], err = textOfValue(key, value); err != nil {
			return nil, fmt.Errorf("line %d: %q: %w", line, key, err)
		}
	}
	if _, err := decoder.Token(); err != nil {
		return nil, noJSON(text, decoder, err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("there is more behind its last }")
	}
	return s, nil
}

// noJSON is the error for a text that is none, in plain words.
func noJSON(text []byte, decoder *json.Decoder, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it ends in the middle")
	}
	return fmt.Errorf("line %d is no JSON: %w", 1+bytes.Count(text[:decoder.InputOffset()], []byte("\n")), err)
}

// known returns an error for what is no key.
func known(key string) error {
	if names := KeyNames(); !slices.Contains(names, key) {
		return fmt.Errorf("a spec has no %q; %s", key, part.Nearest(key, names))
	}
	return nil
}

// textOfValue is a value of JSON as a text: a text, a number, a truth, an object with the name of a part and its parameters, or a
// list of these.
func textOfValue(key string, value any) (string, error) {
	switch value := value.(type) {
	case string:
		return value, nil
	case json.Number:
		return value.String(), nil
	case bool:
		return strconv.FormatBool(value), nil
	case []any:
		separator := between
		if strings.HasSuffix(key, "optimizer") {
			separator = optim.Next
		}
		var texts []string
		for _, each := range value {
			text, err := textOfValue(key, each)
			if err != nil {
				return "", err
			}
			texts = append(texts, text)
		}
		if len(texts) == 0 {
			return none, nil
		}
		return strings.Join(texts, separator), nil
	case map[string]any:
		name, _ := value["name"].(string)
		if name == "" {
			return "", errors.New(`want the "name" of a part and its parameters`)
		}
		for parameter, value := range value {
			if parameter == "name" {
				continue
			}
			text, err := textOfValue(key, value)
			if err != nil || strings.ContainsAny(text, " ") {
				return "", fmt.Errorf("%q cannot be %v: want a number, a word, true or false", parameter, value)
			}
			name += " " + parameter + " " + text
		}
		return name, nil
	}
	return "", errors.New("want a text, a number, true or false, or a list of them")
}

// String is the spec as JSON, a line for each key in their order. Parse takes it.
func (s Spec) String() string {
	var lines []string
	for _, key := range KeyNames() {
		text, said := s[key]
		if !said {
			continue
		}
		var value any = text
		if plainNumber(text) {
			value = json.Number(text)
		}
		if list := strings.Split(text, between); key == "penalty" && len(list) > 1 {
			value = list
		}
		if list := strings.Split(text, optim.Next); strings.HasSuffix(key, "optimizer") && len(list) > 1 {
			value = list
		}
		if text == "true" || text == "false" {
			value = text == "true"
		}
		var line bytes.Buffer
		encoder := json.NewEncoder(&line)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(value); err != nil {
			panic(err) // texts and numbers have a writing
		}
		lines = append(lines, fmt.Sprintf("  %q: %s", key, bytes.TrimSpace(line.Bytes())))
	}
	return "{\n" + strings.Join(lines, ",\n") + "\n}\n"
}

// plainNumber tells whether JSON writes a number so.
func plainNumber(text string) bool {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(value, 0) || math.IsNaN(value) {
		return false
	}
	again, err := json.Marshal(json.Number(text))
	return err == nil && string(again) == text
}

// ShowValue shows what the spec describes in a notebook, see lint.SummaryOf, or why it describes nothing.
func (s Spec) ShowValue() map[string]any {
	of, err := s.Description()
	if err != nil {
		return map[string]any{"text/plain": s.String() + err.Error()}
	}
	summary, err := lint.SummaryOf(of)
	if err != nil {
		return map[string]any{"text/plain": s.String() + err.Error()}
	}
	return summary.ShowValue()
}

// Wrong is the error of a value.
type Wrong struct {
	Key string
	Err error
}

// Error is "key: what is wrong".
func (w Wrong) Error() string {
	said := w.Err.Error()
	if strings.HasPrefix(said, w.Key+" ") {
		return said
	}
	return w.Key + ": " + said
}

// Unwrap is what is wrong.
func (w Wrong) Unwrap() error { return w.Err }

// Parts is the spec without what any game has: recipe, data, batch and seed.
func (s Spec) Parts() Spec {
	parts := Spec{}
	for key, text := range s {
		if !OfAny(key) {
			parts[key] = text
		}
	}
	return parts
}

// OfAny tells whether a key is of any game, not of a gan.Experiment alone.
func OfAny(key string) bool { return slices.Contains([]string{Recipe, Data, Batch, Seed}, key) }

// Description is what the spec describes, checked as far as it can be without reading its data. The error is a Wrong for a value that
// is none.
func (s Spec) Description() (method.Description, error) { return s.DescriptionOn(nil) }

// DescriptionOn is Description on data of which the head is known, see data.Set.Head. A recipe's networks take the size of other data than
// its own, which is read for that where like is nil.
func (s Spec) DescriptionOn(like *sample.Images) (method.Description, error) {
	for key := range s {
		if err := known(key); err != nil {
			return nil, err
		}
	}
	of, own, err := s.parts(like)
	if err != nil {
		return nil, err
	}
	var choice method.Choice
	if text, said := s[Batch]; said {
		if err := part.Whole(Batch, "", &choice.BatchSize, 1, math.MaxInt32).Give(text); err != nil {
			return nil, err
		}
	}
	if text, said := s[Seed]; said {
		if choice.Seed, err = strconv.ParseInt(text, 10, 64); err != nil {
			return nil, fmt.Errorf("seed %s: want a whole number", text)
		}
	}
	if text, said := s[Data]; said {
		if choice.Data, err = own.Sets(text); err != nil {
			return nil, err
		}
	}
	if of, err = method.With(of, choice); err != nil {
		return nil, err
	}
	_, err = of.Game()
	return of, err
}

// parts is what the spec describes but for what can be chosen of any game. own has the data sets.
func (s Spec) parts(like *sample.Images) (of method.Description, own method.Game, err error) {
	name, named := s[Recipe]
	if named {
		if of, own, err = s.sized(name, like); err != nil || len(s.Parts()) == 0 {
			return of, own, err
		}
	}
	exp := gan.Experiment{Name: "spec"}
	if named {
		if exp, err = experiment(name, of); err != nil {
			return nil, own, err
		}
	} else {
		own.Data = make([]data.Set, 1)
		for _, key := range []string{"generator", "critic", Data} {
			if s[key] == "" {
				return nil, own, fmt.Errorf(`%s is missing: say what is to be trained by "recipe", or by "generator", "critic" and "data"`, key)
			}
		}
	}
	for _, k := range Keys() {
		if text, said := s[k.Name]; said {
			if err := k.set(&exp, text); err != nil {
				return nil, own, Wrong{k.Name, err}
			}
		}
	}
	return exp, own, nil
}

// sized is a recipe whose networks have the size of the spec's data, and its game.
func (s Spec) sized(name string, like *sample.Images) (of method.Description, game method.Game, err error) {
	if of, err = recipe.Named(name); err != nil {
		return nil, game, err
	}
	game, err = of.Game()
	text, said := s[Data]
	if err != nil || !said || text == game.DataName() {
		return of, game, err
	}
	sets, err := game.Sets(text)
	if err != nil {
		return nil, game, err
	}
	if like == nil {
		if like, err = sets[0].Head(); err != nil {
			return nil, game, err
		}
	}
	if of, err = method.With(of, method.Choice{Data: sets, Seed: game.Seed}); err != nil {
		return nil, game, err
	}
	if of, err = recipe.Size(of, like); err != nil {
		return nil, game, err
	}
	game, err = of.Game()
	return of, game, err
}

// Experiment is Description for a spec of a generator and a critic, such as in a notebook, where it can be changed further.
func (s Spec) Experiment() (gan.Experiment, error) {
	of, err := s.Description()
	if err != nil {
		return gan.Experiment{}, err
	}
	exp, is := of.(gan.Experiment)
	if !is {
		return exp, fmt.Errorf("recipe %s is no gan.Experiment: take the spec's Description", s[Recipe])
	}
	return exp, nil
}
