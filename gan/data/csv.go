package data

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"gantry.local/gan/sample"
)

// CSVOptions tell how a CSV file becomes time series. The zero value gives windows of 64 rows, each starting at the
// next row, of all columns that hold numbers.
type CSVOptions struct {
	Window   int      // steps of one series; 0 is 64
	Stride   int      // rows from one series' start to the next's; 0 is 1
	Columns  []string // the channels, by the names in the first line; nil is every column without a word in its first row
	NoHeader bool     // the first line holds data, and the columns are called "1", "2", …
}

func (o CSVOptions) withDefaults() CSVOptions {
	if o.Window == 0 {
		o.Window = 64
	}
	if o.Stride == 0 {
		o.Stride = 1
	}
	return o
}

// CSV is the set of the windows that slide over the rows of a CSV file, as Values of Window×1×columns. Every column is
// scaled to [-1, 1] by its smallest and largest number; Unscale is the way back.
func CSV(path string, options CSVOptions) Set {
	name := "csv:" + path + optionText(options)
	return of(name, table{path: path, options: options.withDefaults()})
}

// table makes series of a CSV file.
type table struct {
	path    string
	options CSVOptions
}

func (t table) make(string) (*sample.Images, error) {
	file, err := openFile(t.path)
	if err != nil {
		return nil, fmt.Errorf("CSV: %w", err)
	}
	defer file.Close()
	series, err := readCSV(file, t.options, maxTable, maxValues)
	if err != nil {
		return nil, fmt.Errorf("CSV file %s: %w", t.path, err)
	}
	return series, series.Check()
}

// rowReader reads on until a row has taken more than maxRow bytes.
type rowReader struct {
	r         io.Reader
	row, left int
}

// next allows for one row more.
func (l *rowReader) next() { l.row, l.left = l.row+1, maxRow }

// Read implements io.Reader.
func (l *rowReader) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, fmt.Errorf("row %d is longer than %d bytes: mend a quote that lacks its end, or name a CSV file", l.row, maxRow)
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}

// readCSV reads a table of at most mostRead numbers, and makes series of at most mostMade.
func readCSV(r io.Reader, options CSVOptions, mostRead, mostMade int) (*sample.Images, error) {
	if options.Window < 1 || options.Stride < 1 {
		return nil, fmt.Errorf("windows of %d rows, %d apart: want at least 1", options.Window, options.Stride)
	}
	limited := &rowReader{r: r}
	limited.next()
	buffered := bufio.NewReader(limited)
	if mark, _ := buffered.Peek(3); string(mark) == "\ufeff" { // the byte order mark that spreadsheets write
		buffered.Discard(3)
	}
	rows := csv.NewReader(buffered)
	rows.ReuseRecord, rows.TrimLeadingSpace = true, true
	first, err := rows.Read()
	if err == io.EOF {
		return nil, errors.New("it is empty")
	}
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(first, func(field string) bool { return strings.ContainsRune(field, 0) }) {
		return nil, errNotUTF8
	}
	header := make([]string, len(first))
	for i, name := range first {
		header[i] = strings.TrimSpace(name)
	}
	record, err := first, error(nil)
	if options.NoHeader {
		for i := range header {
			header[i] = strconv.Itoa(i + 1)
		}
	} else {
		if !slices.ContainsFunc(header, func(field string) bool { _, err := number(field); return err != nil }) {
			return nil, errors.New("the first line holds numbers, not the columns' names: add them, or set NoHeader")
		}
		limited.next()
		record, err = rows.Read()
		if err == io.EOF {
			return nil, errors.New("no data below the first line")
		}
		if err != nil {
			return nil, err
		}
	}
	columns, err := chooseColumns(header, record, options)
	if err != nil {
		return nil, err
	}

	var table []float64 // [rows, columns]
	for ; err != io.EOF; record, err = rows.Read() {
		limited.next()
		if err != nil {
			return nil, err
		}
		for _, column := range columns {
			value, err := number(record[column])
			if err != nil {
				line, _ := rows.FieldPos(column)
				return nil, fmt.Errorf("line %d, column %.60q: %w", line, header[column], err)
			}
			table = append(table, value)
		}
		if len(table) > mostRead {
			return nil, fmt.Errorf("it has more than %d numbers: choose fewer columns, or take a part of it", mostRead)
		}
	}
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = header[column]
	}
	return windows(table, names, options, mostMade)
}

// chooseColumns returns the indices of the wanted columns, or of all in which the first row has no word: what stands for
// a number that is missing there (NaN, Inf, nothing below a name) is no reason to leave a channel out, but an error of its
// row.
func chooseColumns(header, row []string, options CSVOptions) (columns []int, err error) {
	for _, name := range options.Columns {
		column := slices.Index(header, name)
		if column < 0 {
			return nil, fmt.Errorf("no column %.60q: there are %s", name, listed(header))
		}
		columns = append(columns, column)
	}
	if columns != nil {
		return columns, nil
	}
	for column, field := range row {
		field = strings.TrimSpace(field)
		_, err := strconv.ParseFloat(field, 64)
		hole := field == "" && header[column] != "" && !options.NoHeader
		if hole || err == nil || errors.Is(err, strconv.ErrRange) {
			columns = append(columns, column)
		}
	}
	if columns == nil {
		return nil, errors.New("no column of numbers in the first row of data: fields are parted by commas, decimals by points")
	}
	return columns, nil
}

// listed quotes names, the first few of many.
func listed(names []string) string {
	const most = 20
	var list []string
	for _, name := range names[:min(len(names), most)] {
		list = append(list, fmt.Sprintf("%.60q", name))
	}
	if len(names) > most {
		list = append(list, fmt.Sprintf("%d more", len(names)-most))
	}
	return strings.Join(list, ", ")
}

// number reads a finite number that a float32 can hold.
func number(field string) (float64, error) {
	value, err := strconv.ParseFloat(strings.TrimSpace(field), 64)
	if err != nil || math.IsNaN(value) || math.Abs(value) > math.MaxFloat32 {
		return 0, fmt.Errorf("%.20q is not a finite number: mend it, take its row out, or choose other columns", field)
	}
	return value, nil
}

// windows scales a table [rows, columns] and cuts it into series.
func windows(table []float64, names []string, options CSVOptions, most int) (*sample.Images, error) {
	channels := len(names)
	rows := len(table) / channels
	if rows < options.Window {
		return nil, fmt.Errorf("it has %d rows, fewer than one window of %d: set a smaller Window", rows, options.Window)
	}
	n := (rows-options.Window)/options.Stride + 1
	size := options.Window * channels // at most the table's
	if _, ok := volume(most, n, size); !ok {
		return nil, fmt.Errorf("%d windows of %d numbers are more than %d numbers: set a larger Stride", n, size, most)
	}
	scales := make([]sample.Scale, channels)
	for channel := range scales {
		scales[channel] = sample.Scale{Name: names[channel], Low: table[channel], High: table[channel]}
	}
	for i, value := range table {
		scale := &scales[i%channels]
		scale.Low, scale.High = min(scale.Low, value), max(scale.High, value)
	}
	series := &sample.Images{Values: make([]float32, 0, n*size), N: n, Height: options.Window, Width: 1, Channels: channels,
		Scales: scales}
	for window := range n {
		for i, value := range table[window*options.Stride*channels:][:size] {
			series.Values = append(series.Values, scales[i%channels].Apply(value))
		}
	}
	return series, nil
}
