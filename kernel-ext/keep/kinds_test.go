package keep_test

import (
	"strings"
	"testing"
)

// A kind is a sort of value: how a variable of it is set, and what must hold of it in later cells. Checks are expressions
// that must be true; change is what a second cell does.
type kind struct {
	name, typ, set string
	check          []string
	change         string
	after          []string
}

var kinds = []kind{
	{name: "n", typ: "int", set: "n = 42", check: []string{"n == 42"}, change: "n++", after: []string{"n == 43"}},
	{name: "nan", typ: "float64", set: "nan = math.Float64frombits(0x7ff8000000000123)", check: []string{"math.Float64bits(nan) == 0x7ff8000000000123"}},
	{name: "minus", typ: "float64", set: "minus = math.Copysign(0, -1)", check: []string{"math.Signbit(minus) && minus == 0"}},
	{name: "cplx", typ: "complex128", set: "cplx = complex(1, -2)", check: []string{"cplx == complex(1, -2)"}},
	{name: "str", typ: "string", set: `str = "grüße\x00\xff"`, check: []string{`str == "grüße\x00\xff"`}, change: `str += "!"`, after: []string{`str == "grüße\x00\xff!"`}},
	{name: "empty", typ: "string", set: "", check: []string{`empty == ""`}},
	{name: "long", typ: "string", set: `long = strings.Repeat("abc", 1000)`, check: []string{`long == strings.Repeat("abc", 1000)`}},
	{name: "nilSlice", typ: "[]int", check: []string{"nilSlice == nil"}},
	{name: "emptySlice", typ: "[]int", set: "emptySlice = []int{}", check: []string{"emptySlice != nil && len(emptySlice) == 0"}},
	{name: "empties", typ: "[]struct{}", set: "empties = make([]struct{}, 3, 7)", check: []string{"len(empties) == 3 && cap(empties) == 7"}},
	{name: "sl", typ: "[]int", set: "sl = make([]int, 3, 8); sl[0] = 5; sl2 = sl[:2]", check: []string{"len(sl) == 3 && cap(sl) == 8", "sl[0] == 5 && &sl[0] == &sl2[0]"},
		change: "sl2 = append(sl2, 9); sl[1] = 7", after: []string{"sl[2] == 9 && sl2[1] == 7 && &sl[2] == &sl2[2]"}},
	{name: "sl2", typ: "[]int"},
	{name: "arr", typ: "[5]int", set: "arr[3] = 4; parr = &arr[3]", check: []string{"arr[3] == 4 && parr == &arr[3]"}, change: "*parr = 8", after: []string{"arr[3] == 8"}},
	{name: "parr", typ: "*int"},
	{name: "heapArr", typ: "*[4]Point", set: "heapArr = new([4]Point); heapArr[2].Y = 3; elem = &heapArr[2]; fieldp = &heapArr[2].Y; part = heapArr[1:3]",
		check: []string{"elem == &heapArr[2] && fieldp == &elem.Y && *fieldp == 3 && &part[1] == elem && cap(part) == 3"}, change: "elem.X = 11; part[1].Y++", after: []string{"heapArr[2].X == 11 && *fieldp == 4"}},
	{name: "elem", typ: "*Point"},
	{name: "fieldp", typ: "*int"},
	{name: "part", typ: "[]Point"},
	{name: "left", typ: "[]string", set: `all := []string{"a", "b", "c", "d", "e"}; left = all[0:3:3]; right = all[2:5]`, check: []string{`&left[2] == &right[0] && right[2] == "e" && cap(left) == 3`}, change: `left[2] = "z"`, after: []string{`right[0] == "z"`}},
	{name: "right", typ: "[]string"},
	{name: "m", typ: "map[string]int", set: `m = map[string]int{"a": 1}; m2 = m`, check: []string{`len(m) == 1 && m["a"] == 1`}, change: `m2["b"] = 2`, after: []string{`m["b"] == 2 && len(m) == 2`}},
	{name: "m2", typ: "map[string]int"},
	{name: "nilMap", typ: "map[int]int", check: []string{"nilMap == nil"}},
	{name: "nanMap", typ: "map[float64]string", set: `nanMap = map[float64]string{}; nanMap[math.NaN()] = "a"; nanMap[math.NaN()] = "b"; nanMap[1] = "c"`, check: []string{`len(nanMap) == 3 && nanMap[1] == "c"`}},
	{name: "ifaceMap", typ: "map[any]any", set: `ifaceMap = map[any]any{1: "one", "two": 2, Point{1, 2}: []int{3}, [2]string{"a", "b"}: Point{}, elem: 5, Named("n"): nil}`,
		check: []string{`ifaceMap[1] == "one" && ifaceMap["two"] == 2 && ifaceMap[Point{1, 2}].([]int)[0] == 3`, `ifaceMap[[2]string{"a", "b"}] == Point{} && ifaceMap[elem] == 5 && len(ifaceMap) == 6`, `has(ifaceMap, Named("n"))`}},
	{name: "chanMap", typ: "map[*Point]map[string][]byte", set: `chanMap = map[*Point]map[string][]byte{elem: {"x": []byte("y")}, nil: nil}`, check: []string{`string(chanMap[elem]["x"]) == "y" && len(chanMap) == 2`}},
	{name: "chain", typ: "*Node", set: "chain = &Node{V: 1}; chain.Next = &Node{V: 2, Next: chain}", check: []string{"chain.Next.Next == chain && chain.Next.V == 2"}, change: "chain.Next.V = 5", after: []string{"chain.Next.V == 5 && chain.Next.Next.Next.V == 5"}},
	{name: "self", typ: "any", set: "self = &self", check: []string{"self == any(&self)"}},
	{name: "anys", typ: "[]any", set: `anys = []any{1, "s", 2.5, nil, Point{3, 4}, &Point{5, 6}, []any{true, map[string]any{"k": []string{"v"}}}, struct{ A, b int }{1, 2}, [3]int{1, 2, 3}, int8(-1), time.Second, error(nil), func() {}}; anys[12] = nil`,
		check: []string{`anys[0] == 1 && anys[1] == "s" && anys[2] == 2.5 && anys[3] == nil && anys[4] == Point{3, 4} && *anys[5].(*Point) == Point{5, 6}`,
			`anys[6].([]any)[1].(map[string]any)["k"].([]string)[0] == "v" && anys[7] == struct{ A, b int }{1, 2} && anys[8] == [3]int{1, 2, 3} && anys[9] == int8(-1) && anys[10] == time.Second`}},
	{name: "boxed", typ: "any", set: `boxed = Big{Name: "big", List: []int{1, 2}, P: elem}`, check: []string{`boxed.(Big).P == elem && boxed.(Big).Name == "big" && boxed.(Big).List[1] == 2`}},
	{name: "priv", typ: "*private", set: `priv = newPrivate(7)`, check: []string{`priv.sum() == 7 + 49 && priv.in.deep["a"][0] == 7`}},
	{name: "gen", typ: "Pair[string, *Pair[int, Point]]", set: `gen = Pair[string, *Pair[int, Point]]{"a", &Pair[int, Point]{1, Point{2, 3}}}`, check: []string{`gen.A == "a" && gen.B.B.Y == 3`}},
	{name: "genAny", typ: "any", set: `genAny = &Pair[time.Duration, []*url.URL]{time.Second, nil}`, check: []string{`genAny.(*Pair[time.Duration, []*url.URL]).A == time.Second`}},
	{name: "eof", typ: "error", set: `eof = io.EOF`, check: []string{`eof == io.EOF`}},
	{name: "wrapped", typ: "error", set: `wrapped = fmt.Errorf("reading: %w", fmt.Errorf("deeper: %w", io.ErrUnexpectedEOF))`, check: []string{`errors.Is(wrapped, io.ErrUnexpectedEOF) && wrapped.Error() == "reading: deeper: unexpected EOF"`}},
	{name: "joined", typ: "error", set: `joined = errors.Join(fs.ErrNotExist, errors.New("x"))`, check: []string{`errors.Is(joined, os.ErrNotExist)`}},
	{name: "numErr", typ: "error", set: `_, numErr = strconv.Atoi("x9")`, check: []string{`errors.Is(numErr, strconv.ErrSyntax) && numErr.(*strconv.NumError).Num == "x9"`}},
	{name: "pathErr", typ: "error", set: `_, pathErr = os.Open("/nowhere/at/all")`, check: []string{`errors.Is(pathErr, fs.ErrNotExist) && strings.Contains(pathErr.Error(), "/nowhere")`}},
	{name: "own", typ: "error", set: `own = &MyError{3}`, check: []string{`own.(*MyError).Code == 3 && own.Error() == "code 3"`}},
	{name: "canceled", typ: "error", set: `canceled = context.Canceled`, check: []string{`errors.Is(canceled, context.Canceled) && canceled.Error() == "context canceled"`}},
	{name: "deadline", typ: "error", set: `deadline = context.DeadlineExceeded`, check: []string{`errors.Is(deadline, context.DeadlineExceeded)`}},
	{name: "when", typ: "time.Time", set: `when = time.Date(2024, 2, 29, 1, 2, 3, 4, time.UTC)`, check: []string{`when == time.Date(2024, 2, 29, 1, 2, 3, 4, time.UTC)`}},
	{name: "local", typ: "time.Time", set: `local = time.Unix(1e9, 5)`, check: []string{`local == time.Unix(1e9, 5) && local.Location() == time.Local`}},
	{name: "zone", typ: "time.Time", set: `zone = time.Unix(1e9, 0).In(time.FixedZone("X", 3600))`, check: []string{`zone.Format(time.RFC3339) == "2001-09-09T02:46:40+01:00"`}},
	{name: "now", typ: "time.Time", set: `now = time.Now()`, check: []string{`time.Since(now) < time.Hour && time.Since(now) > 0 && now == now.Round(0)`}},
	{name: "builder", typ: "strings.Builder", set: `builder.WriteString("ab")`, check: []string{`builder.String() == "ab"`}, change: `builder.WriteString("cd")`, after: []string{`builder.String() == "abcd"`}},
	{name: "buffer", typ: "bytes.Buffer", set: `buffer.WriteString("hello"); buffer.Next(1)`, check: []string{`buffer.String() == "ello"`}, change: `buffer.WriteString("!")`, after: []string{`buffer.String() == "ello!"`}},
	{name: "re", typ: "*regexp.Regexp", set: "re = regexp.MustCompile(`(a+)(b|c)?$`)", check: []string{`re.FindString("xxaab") == "aab" && re.NumSubexp() == 2 && re.ReplaceAllString("aab", "$2") == "b"`}},
	{name: "bigInt", typ: "*big.Int", set: `bigInt = new(big.Int).Exp(big.NewInt(3), big.NewInt(500), nil)`, check: []string{`bigInt.Cmp(new(big.Int).Exp(big.NewInt(3), big.NewInt(500), nil)) == 0`}, change: `bigInt.Add(bigInt, big.NewInt(1))`, after: []string{`new(big.Int).Mod(bigInt, big.NewInt(3)).Int64() == 1`}},
	{name: "bigFloat", typ: "*big.Float", set: `bigFloat = new(big.Float).SetPrec(200).Quo(big.NewFloat(1), big.NewFloat(3))`, check: []string{`bigFloat.Cmp(new(big.Float).SetPrec(200).Quo(big.NewFloat(1), big.NewFloat(3))) == 0`}},
	{name: "rat", typ: "big.Rat", set: `rat.SetFrac64(1, 3)`, check: []string{`rat.String() == "1/3"`}},
	{name: "img", typ: "image.Image", set: `rgba := image.NewRGBA(image.Rect(0, 0, 200, 200)); rgba.Set(3, 4, color.RGBA{1, 2, 3, 255}); img = rgba`, check: []string{`img.At(3, 4) == color.RGBA{1, 2, 3, 255} && img.Bounds().Dx() == 200`}, change: `img.(*image.RGBA).Set(5, 5, color.White)`, after: []string{`img.At(5, 5) == color.RGBA{255, 255, 255, 255}`}},
	{name: "palette", typ: "*image.Paletted", set: `palette = image.NewPaletted(image.Rect(0, 0, 3, 3), color.Palette{color.Black, color.RGBA{9, 9, 9, 255}}); palette.SetColorIndex(1, 1, 1)`, check: []string{`palette.At(1, 1) == color.RGBA{9, 9, 9, 255} && palette.At(0, 0) == color.Black`}},
	{name: "ring", typ: "*list.List", set: `ring = list.New(); ring.PushBack(1); ring.PushFront("zero")`, check: []string{`ring.Len() == 2 && ring.Front().Value == "zero" && ring.Front().Next().Value == 1`}, change: `ring.Remove(ring.Front())`, after: []string{`ring.Len() == 1 && ring.Back().Value == 1`}},
	{name: "rnd", typ: "*rand.Rand", set: `rnd = rand.New(rand.NewSource(5)); rnd.Int63(); want = rand.New(rand.NewSource(5)); want.Int63()`, check: []string{`rnd.Int63() == want.Int63() && rnd != want`}},
	{name: "want", typ: "*rand.Rand"},
	{name: "pcg", typ: "*randv2.Rand", set: `pcg = randv2.New(randv2.NewPCG(1, 2)); pcg.Uint64()`, check: []string{`func() bool { r := randv2.New(randv2.NewPCG(1, 2)); r.Uint64(); for range cellNumber - 2 { r.Uint64() }; return r.Uint64() == pcg.Uint64() }()`}},
	{name: "cha", typ: "*randv2.ChaCha8", set: `cha = randv2.NewChaCha8([32]byte{1}); cha.Uint64()`, check: []string{`func() bool { r := randv2.NewChaCha8([32]byte{1}); r.Uint64(); for range cellNumber - 2 { r.Uint64() }; return r.Uint64() == cha.Uint64() }()`}},
	{name: "dense", typ: "*mat.Dense", set: `dense = mat.NewDense(2, 2, []float64{1, 2, 3, 4}); row = dense.RawRowView(1)`, check: []string{`mat.Det(dense) < -1.99 && &row[0] == &dense.RawMatrix().Data[2]`}, change: `row[1] = 9`, after: []string{`dense.At(1, 1) == 9`}},
	{name: "row", typ: "[]float64"},
	{name: "link", typ: "*url.URL", set: `link, _ = url.Parse("https://u:p@example.com/a?b=c#d")`, check: []string{`link.String() == "https://u:p@example.com/a?b=c#d"`}},
	{name: "ip", typ: "netip.Addr", set: `ip = netip.MustParseAddr("fe80::1%eth0"); ip4 = netip.MustParseAddr("10.0.0.1")`, check: []string{`ip == netip.MustParseAddr("fe80::1%eth0") && ip4 == netip.MustParseAddr("10.0.0.1") && ip4.Is4()`}},
	{name: "ip4", typ: "netip.Addr"},
	{name: "prefixes", typ: "map[netip.Prefix]string", set: `prefixes = map[netip.Prefix]string{netip.MustParsePrefix("10.0.0.0/8"): "ten"}`, check: []string{`prefixes[netip.MustParsePrefix("10.0.0.0/8")] == "ten"`}},
	{name: "typ", typ: "reflect.Type", set: `typ = reflect.TypeOf(Point{})`, check: []string{`typ == reflect.TypeOf(Point{}) && typ.NumField() == 2`}},
	{name: "atom", typ: "atomic.Pointer[Point]", set: `atom.Store(elem)`, check: []string{`atom.Load() == elem`}},
	{name: "atomInt", typ: "atomic.Int64", set: `atomInt.Store(5)`, check: []string{`atomInt.Load() == 5`}},
	{name: "atomVal", typ: "atomic.Value", set: `atomVal.Store(Point{1, 2})`, check: []string{`atomVal.Load() == Point{1, 2}`}},
	{name: "syncMap", typ: "sync.Map", set: `syncMap.Store("k", elem); syncMap.Store(5, "five")`, check: []string{`func() bool { v, ok := syncMap.Load("k"); w, _ := syncMap.Load(5); return ok && v == elem && w == "five" }()`}, change: `syncMap.Delete(5)`, after: []string{`func() bool { _, ok := syncMap.Load(5); return !ok }()`}},
	{name: "pool", typ: "sync.Pool", set: `pool.New = newBox; pool.Put(new(int))`, check: []string{`*pool.Get().(*int) == 77`}},
	{name: "mu", typ: "sync.Mutex", set: `mu.Lock()`, check: []string{`!mu.TryLock()`}},
	{name: "rw", typ: "*struct { sync.RWMutex; N int }", set: `rw = &struct { sync.RWMutex; N int }{N: 3}; rw.RLock()`, check: []string{`rw.N == 3 && !rw.TryLock() && rw.TryRLock()`}},
	{name: "once", typ: "sync.Once", set: `once.Do(func() {})`, check: []string{`func() bool { ran := false; once.Do(func() { ran = true }); return !ran }()`}},
	{name: "cond", typ: "*sync.Cond", set: `cond = sync.NewCond(new(sync.Mutex)); cond.L.Lock(); cond.Signal(); cond.L.Unlock()`, check: []string{`func() bool { cond.L.Lock(); cond.Broadcast(); cond.L.Unlock(); return true }()`}},
	{name: "ctx", typ: "context.Context", set: `ctx = context.WithValue(context.Background(), "k", 5)`, check: []string{`ctx.Value("k") == 5 && ctx.Err() == nil`}},
	{name: "fn", typ: "func(int) int", set: `fn = double`, check: []string{`fn(4) == 8`}},
	{name: "nilFn", typ: "func()", check: []string{`nilFn == nil`}},
	{name: "upper", typ: "func(string) string", set: `upper = strings.ToUpper`, check: []string{`upper("a") == "A"`}},
	{name: "fns", typ: "map[string]func(float64) float64", set: `fns = map[string]func(float64) float64{"sqrt": math.Sqrt, "abs": math.Abs}`, check: []string{`fns["sqrt"](9) == 3 && fns["abs"](-1) == 1`}},
	{name: "method", typ: "func(Point) int", set: `method = Point.Sum`, check: []string{`method(Point{1, 2}) == 3`}},
	{name: "counted", typ: "int", set: "counted = 10; closure = gantryLit1_1(&counted, &str)", check: []string{}},
	{name: "closure", typ: "func(int) string", check: []string{`closure(1) == "11" + str && counted == 11`, `func() bool { counted = 10; return true }()`}},
	{name: "recur", typ: "func(int) int", set: `recur = gantryLit1_2(&recur)`, check: []string{`recur(5) == 120`}},
	{name: "bare", typ: "func() int", set: `bare = gantryLit1_3()`, check: []string{`bare() == 12`}},
	{name: "bound", typ: "func(int)", set: `acc = &Acc{}; bound = acc.Add`, check: []string{`func() bool { was := acc.n; bound(2); return acc.n == was+2 }()`}},
	{name: "acc", typ: "*Acc"},
	{name: "out", typ: "io.Writer", set: `out = os.Stdout`, check: []string{`out == os.Stdout`}},
	{name: "logger", typ: "*log.Logger", set: `logger = log.New(&buffer, "p ", 0)`, check: []string{`logger.Prefix() == "p " && logger.Writer() == &buffer`}},
	{name: "reader", typ: "*bufio.Reader", set: `reader = bufio.NewReader(strings.NewReader("one\ntwo\nthree\n")); reader.ReadString('\n')`, check: []string{`func() bool { b, _ := reader.Peek(3); return string(b) == "two" }()`}},
	{name: "lines", typ: "[][]float64", set: `flatRows := make([]float64, 12); for i := range 3 { lines = append(lines, flatRows[i*4:i*4+4]) }; lines[1][0] = 7`, check: []string{`lines[1][0] == 7 && &lines[0][:5][4] == &lines[1][0]`}},
	{name: "wrapper", typ: "*Wrapper", set: `wrapper = &Wrapper{In: Inner{P: elem}}; innerp = &wrapper.In; pp = &wrapper.In.P`, check: []string{`innerp == &wrapper.In && pp == &innerp.P && *pp == elem`}},
	{name: "innerp", typ: "*Inner"},
	{name: "pp", typ: "**Point"},
	{name: "zero", typ: "*struct{}", set: `zero = &struct{}{}`, check: []string{`zero != nil`}},
	{name: "temp", typ: "Temp", set: `temp = Temp{t: 3, p: elem}; tempp = &temp`, check: []string{`temp.t == 3 && temp.p == elem && temp.made && tempp == &temp`}},
	{name: "tempp", typ: "*Temp"},
	{name: "handle", typ: "*Handle", set: `handle = openHandle("db"); handles = []*Handle{handle, handle}; holder = Holder{H: handle, N: 1}; inPlace.name = "in place"`,
		check: []string{`handle.open && handle.name == "db" && handles[0] == handle && handles[1] == handle && holder.(Holder).H == handle && inPlace.open && inPlace.name == "in place"`}},
	{name: "handles", typ: "[]*Handle"},
	{name: "holder", typ: "any"},
	{name: "inPlace", typ: "Handle"},
	{name: "nested", typ: "map[string]*Outer", set: `nested = map[string]*Outer{"a": {h: handle, t: temp}, "b": {h: handle}}`, check: []string{`nested["a"].h == handle && nested["b"].h == handle && nested["a"].t.t == 3 && nested["a"].t.made && nested["a"].restored`}},
	{name: "foreign", typ: "*bufio.Scanner", set: `foreign = bufio.NewScanner(nil)`, check: []string{`foreign != nil`}},
	{name: "level", typ: "map[string]Temp", set: `level = map[string]Temp{"x": {t: 9}}`, check: []string{`level["x"].t == 9 && level["x"].made`}},
}

const kindsDeclare = `
type Point struct{ X, Y int }
func (p Point) Sum() int { return p.X + p.Y }
type Named string
type Node struct { V int; Next *Node }
type Big struct { Name string; List []int; P *Point; pad [20]int }
type private struct { n int; in inner; f float32 }
type inner struct { deep map[string][]int; self *private }
func newPrivate(n int) *private { p := &private{n: n, in: inner{deep: map[string][]int{"a": {n}}}}; p.in.self = p; return p }
func (p *private) sum() int { return p.n + p.in.self.n*p.in.deep["a"][0] }
type Pair[A, B any] struct { A A; B B }
type MyError struct{ Code int }
func (e *MyError) Error() string { return "code " + strconv.Itoa(e.Code) }
func double(n int) int { return 2 * n }
func newBox() any { n := 77; return &n }
func has(m map[any]any, k any) bool { _, ok := m[k]; return ok }
type Acc struct{ n int }
func (a *Acc) Add(n int) { a.n += n }
type Inner struct{ P *Point }
type Wrapper struct{ In Inner }
// Temp is a value with a stand-in.
type Temp struct { t int; p *Point; made bool }
type tempKept struct { t int; p *Point }
func (t Temp) Kept() (any, error) { return tempKept{t.t, t.p}, nil }
func (k tempKept) Restored() (any, error) { return Temp{k.t, k.p, true}, nil }
// Handle is a pointer with a stand-in.
type Handle struct { name string; open bool; ch chan int }
func openHandle(name string) *Handle { return &Handle{name, true, make(chan int)} }
type handleKept struct { name string }
func (h *Handle) Kept() (any, error) { return &handleKept{h.name}, nil }
func (k *handleKept) Restored() (any, error) { return openHandle(k.name), nil }
type Holder struct { H *Handle; N int }
// Outer has a stand-in that holds others.
type Outer struct { h *Handle; t Temp; restored bool }
type outerKept struct { H *Handle; T []Temp }
func (o *Outer) Kept() (any, error) { return outerKept{o.h, []Temp{o.t}}, nil }
func (k outerKept) Restored() (any, error) { if !k.H.open { return nil, errors.New("inner first") }; return &Outer{k.H, k.T[0], true}, nil }
type scannerKept struct{ N int }
func (scannerKept) Restored() (any, error) { return bufio.NewScanner(nil), nil }
//go:noinline
func gantryLit1_1(n *int, s *string) func(int) string { return func(d int) string { *n += d; return strconv.Itoa(*n) + *s } }
//go:noinline
func gantryLit1_2(f *func(int) int) func(int) int { return func(n int) int { if n == 0 { return 1 }; return n * (*f)(n-1) } }
//go:noinline
func gantryLit1_3() func() int { return func() int { return 12 } }
`

func TestKinds(t *testing.T) {
	imports := []string{"bufio", "bytes", "container/list", "context", "errors", "fmt", "image", "image/color", "io", "io/fs", "log", "math", "math/big", "math/rand", "net/netip", "net/url", "os", "reflect", "regexp", "strconv", "strings", "sync", "sync/atomic", "time", "gonum.org/v1/gonum/mat"}
	var vars []string
	for _, k := range kinds {
		vars = append(vars, k.name+" "+k.typ)
	}
	nb := newNotebook(t, `import randv2 "math/rand/v2"
var _ = []any{bufio.NewReader, bytes.NewReader, list.New, context.Background, errors.New, fmt.Print, image.NewRGBA, color.Black, io.EOF, fs.ErrExist, log.New, math.Abs, big.NewInt, rand.New, netip.ParseAddr, url.Parse, os.Open, reflect.TypeOf, regexp.Compile, strconv.Itoa, strings.ToUpper, new(sync.Mutex), new(atomic.Int64), time.Now, mat.NewDense, randv2.New}
`+kindsDeclare, vars...)
	nb.code = `"main.double": double, "main.newBox": newBox, "strings.ToUpper": strings.ToUpper, "math.Sqrt": math.Sqrt, "math.Abs": math.Abs, "main.Point.Sum": Point.Sum,
"main.gantryLit1_1": gantryLit1_1, "main.gantryLit1_2": gantryLit1_2, "main.gantryLit1_3": gantryLit1_3, "main.(*Acc).Add-fm": func(a *Acc) func(int) { return a.Add },`
	nb.globals = `"gantry context.Canceled": context.Canceled,`
	nb.more = `Adapters: []keep.Foreign{keep.Adapter{Type: reflect.TypeOf((*bufio.Scanner)(nil)), Kept: func(any) (any, error) { return scannerKept{1}, nil }}},`
	var set, check, change, after strings.Builder
	for _, k := range kinds {
		set.WriteString(k.set + "\n")
		for _, c := range k.check {
			check.WriteString("if !(" + c + ") { fail(`" + k.name + ": " + strings.ReplaceAll(c, "`", "'") + "`) }\n")
		}
		change.WriteString(k.change + "\n")
		for _, c := range k.after {
			after.WriteString("if !(" + c + ") { fail(`" + k.name + " after its change: " + strings.ReplaceAll(c, "`", "'") + "`) }\n")
		}
	}
	nb.run(cell{imports: imports, body: set.String(), declare: "const cellNumber = 1"})
	for _, v := range nb.manifest().Values {
		if v.Why != "" {
			t.Errorf("%s is not kept: %s", v.Name, v.Why)
		}
	}
	t.Log(nb.run(cell{imports: imports, body: check.String(), declare: "const cellNumber = 2"}))
	nb.run(cell{imports: imports, body: check.String() + change.String(), declare: "const cellNumber = 3"})
	nb.run(cell{imports: imports, body: after.String(), declare: "const cellNumber = 4\nvar other [100]int"})
}
