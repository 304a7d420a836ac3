// Package value makes of any Go value what a notebook shows of it: text, HTML, pictures, as Jupyter's MIME bundle. The
// kernel links it into each cell that ends in a value, so it imports only what a program with fmt has anyway, and adds
// little to the time that a cell takes to link. What needs more (image/png, GoMLX) are packages below it, which a cell gets
// where its types ask for them: their function is a [Form], given in [Options].
//
//	value.Show(x, y)                                              // what a cell does
//	value.Options{Forms: []value.Form{picture.Form}}.Show(x)      // where x may be an image
//
// # What is shown
//
// Numbers, strings and short lists look as fmt prints them; strings within other values are quoted where they could be
// taken for something else. Structs have their fields' names, those that are not exported too. Slices of structs and maps
// are tables, with the map's keys in order; [][]T of numbers is a matrix with its shape. Long lists of numbers come with
// their length, their range and their mean, errors with their chain, functions with their name and signature.
// What another package keeps to itself behind a pointer, in a map or an interface is shown by its type, for that package may be
// writing to it. A type with a String or Error method is shown by it. In tables numbers have six digits; elsewhere all.
//
// Everything is bounded: at most a few thousand values are looked at, and for the range of numbers a million. What is left
// out is counted ("… 9 990 more"), what contains itself is cut where it begins again ("↺").
//
// # How a type joins
//
// A type is shown as it wants to be where it, or a pointer to it, has one of the methods
//
//	HTML() string   Markdown() string   Latex() string   SVG() string   PNG() []byte
//
// or, for several forms or others, the one of [Shower], which needs no import:
//
//	func (t Tune) ShowValue() map[string]any {
//		return map[string]any{"text/plain": t.Name, "text/html": t.staves(), "image/png": t.picture()}
//	}
//
// What the program's methods return is taken as it is, HTML not escaped. A method that panics is said to have done so, and
// the value is shown without it. Methods of a value that lies in a field that is not exported are not called.
//
// Reading order: show.go (values to a file), bundle.go (values to a bundle, several to one), methods.go (what a type says of
// itself), describe.go with numbers.go, bytes.go and failure.go (any value to a tree of bounded size), text.go, html.go and
// table.go (the tree as text, as HTML, as a table), json.go (the bundle as JSON).
package value
