package data

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
)

// CSVOptions tell how a CSV file becomes time series. The zero value gives windows of 64 rows, each starting at the
// next row, of all columns that hold numbers.
type CSVOptions struct {
	Window   int      // steps of one series; 0 is 64
	Stride   int      // rows from one series' start to the next's; 0 is 1
	Columns  []string // the channels, by the names in the first line; nil is every column of numbers
	NoHeader bool     // the first line holds data, and the columns are called "1", "2", …
}

// maxSeries is the most numbers that the series of one file may hold, a gigabyte as float32.
const maxSeries = 1 << 28

func (o CSVOptions) withDefaults() CSVOptions {
	if o.Window == 0 {
		o.Window = 64
	}
	if o.Stride == 0 {
		o.Stride = 1
	}
	return o
}

// Scale is how a channel was brought to [-1, 1]: Low became -1 and High 1.
type Scale struct {
	Name      string // of the column
	Low, High float64
}

// CSV is the set of the windows that slide over the rows of a CSV file, as Values of Window×1×columns. Every column is
// scaled to [-1, 1] by its smallest and largest number; Unscale is the way back.
func CSV(path string, options CSVOptions) Set {
	name := "csv:" + path + optionText(options)
	options = options.withDefaults()
	return loadedOnce(name, func() (*Images, error) {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("CSV: %w", err)
		}
		defer file.Close()
		series, err := readCSV(file, options, maxSeries)
		if err != nil {
			return nil, fmt.Errorf("CSV file %s: %w", path, err)
		}
		return series, series.Check()
	})
}

// Unscale puts samples [n, Height, Width, Channels] in [-1, 1], drawn by a generator, back into the units of the file
// that the data come from, in place. Where the data weren't scaled it changes nothing.
func (im *Images) Unscale(samples []float32) {
	for i, v := range samples {
		if im.Scales != nil {
			scale := im.Scales[i%len(im.Scales)]
			samples[i] = float32(scale.Low/2*(1-float64(v)) + scale.High/2*(1+float64(v)))
		}
	}
}

func readCSV(r io.Reader, options CSVOptions, most int) (*Images, error) {
	if options.Window < 1 || options.Stride < 1 {
		return nil, fmt.Errorf("windows of %d rows, %d apart: want at least 1", options.Window, options.Stride)
	}
	buffered := bufio.NewReader(r)
	if mark, _ := buffered.Peek(3); string(mark) == "\ufeff" { // the byte order mark that spreadsheets write
		buffered.Discard(3)
	}
	rows := csv.NewReader(buffered)
	rows.ReuseRecord = true
	first, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("no first line: %w", err)
	}
	header := slices.Clone(first)
	record, err := first, error(nil)
	if options.NoHeader {
		for i := range header {
			header[i] = strconv.Itoa(i + 1)
		}
	} else {
		if !slices.ContainsFunc(header, func(field string) bool { _, err := number(field); return err != nil }) {
			return nil, errors.New("the first line holds numbers, not the columns' names: add them, or set NoHeader")
		}
		if record, err = rows.Read(); err != nil {
			return nil, fmt.Errorf("no data below the first line: %w", err)
		}
	}
	columns, err := chooseColumns(header, record, options.Columns)
	if err != nil {
		return nil, err
	}

	var table []float64 // [rows, columns]
	for ; err != io.EOF; record, err = rows.Read() {
		if err != nil {
			return nil, err
		}
		for _, column := range columns {
			value, err := number(record[column])
			if err != nil {
				line, _ := rows.FieldPos(column)
				return nil, fmt.Errorf("line %d, column %q: %w", line, header[column], err)
			}
			table = append(table, value)
		}
		if len(table) > most {
			return nil, fmt.Errorf("it has more than %d numbers: choose fewer columns", most)
		}
	}
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = header[column]
	}
	return windows(table, names, options, most)
}

// chooseColumns returns the indices of the wanted columns, or of all in which the first row has a number.
func chooseColumns(header, row, wanted []string) (columns []int, err error) {
	for _, name := range wanted {
		column := slices.Index(header, name)
		if column < 0 {
			return nil, fmt.Errorf("no column %q: there are %q", name, header)
		}
		columns = append(columns, column)
	}
	if columns != nil {
		return columns, nil
	}
	for column, field := range row {
		if _, err := number(field); err == nil {
			columns = append(columns, column)
		}
	}
	if columns == nil {
		return nil, errors.New("no column of numbers")
	}
	return columns, nil
}

// number reads a finite number that a float32 can hold.
func number(field string) (float64, error) {
	value, err := strconv.ParseFloat(field, 64)
	if err != nil || math.IsNaN(value) || math.Abs(value) > math.MaxFloat32 {
		return 0, fmt.Errorf("%.20q is not a finite number", field)
	}
	return value, nil
}

// windows scales a table [rows, columns] and cuts it into series.
func windows(table []float64, names []string, options CSVOptions, most int) (*Images, error) {
	channels := len(names)
	rows := len(table) / channels
	if rows < options.Window {
		return nil, fmt.Errorf("it has %d rows, fewer than one window of %d: set a smaller Window", rows, options.Window)
	}
	n := (rows-options.Window)/options.Stride + 1
	size := options.Window * channels
	if n > most/size {
		return nil, fmt.Errorf("%d windows of %d numbers are more than %d numbers: set a larger Stride", n, size, most)
	}
	scales := make([]Scale, channels)
	for channel := range scales {
		scales[channel] = Scale{names[channel], table[channel], table[channel]}
	}
	for i, value := range table {
		scale := &scales[i%channels]
		scale.Low, scale.High = min(scale.Low, value), max(scale.High, value)
	}
	series := &Images{Values: make([]float32, 0, n*size), N: n, Height: options.Window, Width: 1, Channels: channels,
		Scales: scales}
	for start := 0; start+options.Window <= rows; start += options.Stride {
		for i, value := range table[start*channels:][:size] {
			series.Values = append(series.Values, scales[i%channels].apply(value))
		}
	}
	return series, nil
}

// apply returns 0 where all numbers of a column are the same.
func (s Scale) apply(value float64) float32 {
	if s.Low == s.High {
		return 0
	}
	return float32((value-s.Low)/(s.High-s.Low)*2 - 1)
}
