using System.Globalization;
using System.Text;

namespace CoScientist.Tests.Core.Fuzzing;

/// <summary>
/// Damages good inputs: bits, bytes, pieces and tokens of theirs, numbers out of bounds, two of them spliced, ends cut off, depth, other encodings.
/// Inputs that showed something new (<see cref="Keep"/>) are damaged further.
/// </summary>
/// <param name="seeds">The good ones.</param>
/// <param name="seed">The same gives the same inputs, as long as the same ones are kept.</param>
internal sealed class InputGenerator(byte[][] seeds, int seed)
{
    private const int MostBytes = 1 << 20;
    private const int MostKept = 500;
    private const string Delimiters = "<>{}[]()\",:;=&'\n\t |/#*\\\0";

    private static readonly byte[][] s_odd = [.. new[] { "\0", "\u0001", "\uFEFF", "\"", "'", "\\", "{", "}", "[", "]", "<", ">", "&", "&#x0;", "&lt;", "]]>", "<!--", "-->", "\r", "\n", ",", "null", "true", "\\ud800", "\\udc00", "\\u0000", "=1+1", "\u202E", "\u2028", "😀", "e\u0301", "<![CDATA[", "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]>", "../../", "/etc/passwd", "javascript:", "\\input{x}", "{%", "{{", "%}", "}}" }.Select(Encoding.UTF8.GetBytes), [0xFF], [0xC3, 0x28], [0xED, 0xA0, 0x80]];
    private static readonly string[] s_numbers = ["0", "-0", "-1", "1", "00001", "0.5", "1e999", "-1e-999", "NaN", "2147483647", "2147483648", "-2147483649", "4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551616", "99999999999999999999999999", "0x10", "1_000", "١٢"];
    private static readonly ulong[] s_integers = [0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000, long.MaxValue, 1UL << 63, ulong.MaxValue];
    private static readonly (string Open, string Close)[] s_deep = [("[", "]"), ("{\"a\":", "}"), ("<a>", "</a>"), ("<sec>", "</sec>"), ("(", ")"), ("> ", ""), ("*", "*"), ("{\\a ", "}"), ("- ", ""), ("{% if a %}", "{% endif %}"), ("![", "](a)"), ("\\begin{a}", "\\end{a}"), ("{", "}")];

    private readonly Random random = new(seed);
    private readonly List<byte[]> pool = [.. seeds];

    /// <summary>Bytes of the inputs that were kept.</summary>
    public long KeptBytes { get; private set; }

    /// <summary>The next input.</summary>
    public byte[] Next()
    {
        var bytes = Any().ToList();
        for (var changes = random.Next(1, 6); changes > 0 && bytes.Count is > 0 and < MostBytes; changes--)
        {
            Change(bytes);
        }

        return random.Next(40) == 0 ? Encoded(bytes) : [.. bytes];
    }

    /// <summary>Takes an input that showed something new among those that are damaged.</summary>
    public void Keep(byte[] input)
    {
        if (input.Length is > 0 and < MostBytes / 16 && pool.Count < MostKept)
        {
            pool.Add(input);
            KeptBytes += input.Length;
        }
    }

    // The good ones as often as all that was made of them.
    private byte[] Any() => random.Next(2) == 0 ? seeds[random.Next(seeds.Length)] : pool[random.Next(pool.Count)];

    private void Change(List<byte> bytes)
    {
        var at = random.Next(bytes.Count);
        var length = Math.Min(random.Next(1, random.Next(2) == 0 ? 9 : 400), bytes.Count - at);
        switch (random.Next(16))
        {
            case 0:
                bytes.RemoveRange(at, length);
                break;
            case 1:
                bytes.InsertRange(random.Next(bytes.Count), bytes.GetRange(at, length));
                break;
            case 2:
                at = random.Next(2) == 0 ? at : Boundary(bytes, at);
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 3:
                var other = Any();
                var from = random.Next(other.Length);
                bytes.InsertRange(at, other.AsSpan(from, Math.Min(length, other.Length - from)).ToArray());
                break;
            case 4:
                bytes.InsertRange(at, s_odd[random.Next(s_odd.Length)]);
                break;
            case 5:
                Replace(bytes, at, s_odd[random.Next(s_odd.Length)]);
                break;
            case 6 when random.Next(20) == 0:
                Nest(bytes, at, length);
                break;
            case 7:
                SetNumber(bytes, at);
                break;
            case 8:
                SetInteger(bytes, at);
                break;
            case 9:
                Splice(bytes, at);
                break;
            case 10:
                var (start, end) = Token(bytes, at);
                bytes.RemoveRange(start, end - start);
                break;
            case 11:
                (start, end) = Token(bytes, at);
                bytes.InsertRange(Boundary(bytes, random.Next(bytes.Count)), bytes.GetRange(start, end - start));
                break;
            case 12:
                (start, end) = Token(bytes, at);
                bytes.RemoveRange(start, end - start);
                bytes.InsertRange(start, s_odd[random.Next(s_odd.Length)]);
                break;
            case 13 when random.Next(20) == 0:
                (start, end) = Token(bytes, at);
                var piece = bytes.GetRange(start, Math.Max(1, Math.Min(end - start, bytes.Count - start)));
                bytes.InsertRange(start, Enumerable.Repeat(piece, Math.Min(random.Next(1, 5000), MostBytes / piece.Count)).SelectMany(p => p));
                break;
            default:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
        }
    }

    private static bool IsDelimiter(byte value) => Delimiters.Contains((char)value, StringComparison.Ordinal);

    /// <summary>The first place from here on where a token ends.</summary>
    private static int Boundary(List<byte> bytes, int at)
    {
        while (at < bytes.Count && !IsDelimiter(bytes[at]))
        {
            at++;
        }

        return Math.Min(at + 1, bytes.Count);
    }

    /// <summary>Where the token that a place is in begins and ends; a delimiter is a token of its own.</summary>
    private static (int Start, int End) Token(List<byte> bytes, int at)
    {
        var (start, end) = (at, at + 1);
        while (!IsDelimiter(bytes[at]) && start > 0 && !IsDelimiter(bytes[start - 1]))
        {
            start--;
        }

        while (!IsDelimiter(bytes[at]) && end < bytes.Count && !IsDelimiter(bytes[end]))
        {
            end++;
        }

        return (start, end);
    }

    private static void Replace(List<byte> bytes, int at, byte[] by)
    {
        bytes.RemoveRange(at, Math.Min(by.Length, bytes.Count - at));
        bytes.InsertRange(at, by);
    }

    /// <summary>The next number that is written in digits becomes another.</summary>
    private void SetNumber(List<byte> bytes, int at)
    {
        var start = bytes.FindIndex(at, value => char.IsAsciiDigit((char)value));
        if (start >= 0)
        {
            var end = bytes.FindIndex(start, value => !char.IsAsciiDigit((char)value) && value is not ((byte)'.' or (byte)'e'));
            bytes.RemoveRange(start, (end < 0 ? bytes.Count : end) - start);
            bytes.InsertRange(start, Encoding.UTF8.GetBytes(s_numbers[random.Next(s_numbers.Length)]));
        }
    }

    /// <summary>Some bytes become an integer at the edge of a type, or a little off it.</summary>
    private void SetInteger(List<byte> bytes, int at)
    {
        var value = BitConverter.GetBytes(s_integers[random.Next(s_integers.Length)] + (ulong)random.Next(-2, 3));
        var size = 1 << random.Next(4);
        at = at / size * size;
        Replace(bytes, at, random.Next(4) == 0 ? [.. value[..size].Reverse()] : value[..size]);
    }

    /// <summary>The beginning of this one and the end of another, both cut between tokens.</summary>
    private void Splice(List<byte> bytes, int at)
    {
        var other = Any().ToList();
        at = Boundary(bytes, at);
        var from = Boundary(other, random.Next(other.Count));
        bytes.RemoveRange(at, bytes.Count - at);
        bytes.AddRange(other[from..]);
    }

    private void Nest(List<byte> bytes, int at, int length)
    {
        var (open, close) = s_deep[random.Next(s_deep.Length)];
        var levels = random.Next(1, random.Next(2) == 0 ? 200 : 20_000);
        if (random.Next(2) == 0)
        {
            bytes.InsertRange(at + length, Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(close, levels))));
        }

        bytes.InsertRange(at, Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(open, levels))));
    }

    private byte[] Encoded(List<byte> bytes)
    {
        var text = Encoding.UTF8.GetString([.. bytes]);
        return random.Next(6) switch
        {
            0 => [.. Encoding.UTF8.Preamble, .. bytes],
            1 => [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes(text)],
            2 => [.. Encoding.BigEndianUnicode.Preamble, .. Encoding.BigEndianUnicode.GetBytes(text)],
            3 => Encoding.Latin1.GetBytes(text),
            4 => Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\r\n")),
            _ => Encoding.UTF8.GetBytes(text.Replace("é", string.Create(CultureInfo.InvariantCulture, $"e{'\u0301'}"), StringComparison.Ordinal).ReplaceLineEndings("\r")),
        };
    }
}
