package compress

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"gantry.local/gan/internal/table"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

// Form is one compressed form of a generator's weights, under a name for the report.
type Form struct {
	Name    string
	Weights *safetensors.File
}

// Row is what Measure found about one form.
type Row struct {
	Name             string
	Bytes            int64   // of the safetensors file
	Zeros            float64 // share of the weights that are zero, 0 to 1
	SamplesPerSecond float64 // the median of several rounds, compilation left out
	Difference       float64 // mean absolute difference of the values of the images from the original's, which lie in [-1, 1]
}

// Report is the original's row and those of the forms.
type Report []Row

// rounds is how often each form is timed; by turns, so that a busy machine slows all alike.
const rounds = 5

// Measure draws n images from the same latents with generator and with each form of its weights.
func Measure(generator *train.Generator, forms []Form, n int, seed int64) (Report, error) {
	weights, err := generator.Weights()
	if err != nil {
		return nil, err
	}
	forms = append([]Form{{"original", weights}}, forms...)
	report := make(Report, len(forms))
	generators := make([]*train.Generator, len(forms))
	var original sample.Images
	for i, form := range forms {
		report[i].Name = form.Name
		if report[i].Bytes, err = size(form.Weights); err != nil {
			return nil, fmt.Errorf("%s: %w", form.Name, err)
		}
		if report[i].Zeros, err = zeros(form.Weights); err != nil {
			return nil, fmt.Errorf("%s: %w", form.Name, err)
		}
		if generators[i], err = With(generator, form.Weights); err != nil {
			return nil, fmt.Errorf("%s: %w", form.Name, err)
		}
		images, err := generators[i].Sample(n, seed)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", form.Name, err)
		}
		if i == 0 {
			original = images
		}
		for place, v := range images.Values {
			report[i].Difference += math.Abs(float64(v-original.Values[place])) / float64(len(images.Values))
		}
	}
	speeds := make([][]float64, len(forms))
	for range rounds {
		for i, g := range generators {
			begin := time.Now()
			if _, err := g.Sample(n, seed); err != nil {
				return nil, fmt.Errorf("%s: %w", forms[i].Name, err)
			}
			speeds[i] = append(speeds[i], float64(n)/time.Since(begin).Seconds())
		}
	}
	for i := range report {
		report[i].SamplesPerSecond = median(speeds[i])
	}
	return report, nil
}

// zeros is the share of the expanded weights that are zero.
func zeros(weights *safetensors.File) (float64, error) {
	expanded, err := Expand(weights)
	if err != nil {
		return 0, err
	}
	none, all := 0, 0
	for _, t := range expanded.Tensors {
		values, err := decode(t)
		if err != nil {
			return 0, err
		}
		all += len(values)
		for _, v := range values {
			if v == 0 {
				none++
			}
		}
	}
	return float64(none) / float64(max(1, all)), nil
}

// String is a table, a row per form.
func (r Report) String() string {
	var text strings.Builder
	aligned := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range append([][]string{r.heads()}, r.cells()...) {
		fmt.Fprintln(aligned, strings.Join(row, "\t")+"\t")
	}
	aligned.Flush() //nolint:errcheck // a strings.Builder takes everything
	return text.String()
}

// HTML is the table for a notebook.
func (r Report) HTML() string { return table.Table{Heads: r.heads(), Rows: r.cells(), Words: 1}.HTML() }

func (r Report) heads() []string {
	return []string{"form", "bytes", "of original", "zeros", "samples/s", "difference"}
}

func (r Report) cells() (rows [][]string) {
	for _, row := range r {
		rows = append(rows, []string{row.Name, fmt.Sprint(row.Bytes), fmt.Sprintf("%.1f %%", 100*float64(row.Bytes)/float64(r[0].Bytes)),
			fmt.Sprintf("%.1f %%", 100*row.Zeros), fmt.Sprintf("%.0f", row.SamplesPerSecond), fmt.Sprintf("%.4f", row.Difference)})
	}
	return rows
}

// median of an odd number of values, which it sorts.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
