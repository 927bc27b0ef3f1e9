using System.Text;

namespace CoScientist.Web.ViewModels;

/// <summary>
/// A text as a QR code (ISO/IEC 18004): bytes, error correction level L, versions 1 to 9, where all blocks are of one length. Enough
/// for what an authenticator is told.
/// </summary>
internal static class QrMatrix
{
    private const int LargestVersion = 9;

    // By version: data codewords of a block, correction codewords of a block, blocks (table 9 of the standard, level L).
    private static readonly (int Data, int Correction, int Blocks)[] s_blocks =
        [(0, 0, 0), (19, 7, 1), (34, 10, 1), (55, 15, 1), (80, 20, 1), (108, 26, 1), (68, 18, 2), (78, 20, 2), (97, 24, 2), (116, 30, 2)];

    // By version: centres of alignment patterns (annex E).
    private static readonly int[][] s_alignment = [[], [], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46]];

    private static readonly Func<int, int, bool>[] s_masks =
    [
        (row, column) => (row + column) % 2 == 0,
        (row, _) => row % 2 == 0,
        (_, column) => column % 3 == 0,
        (row, column) => (row + column) % 3 == 0,
        (row, column) => ((row / 2) + (column / 3)) % 2 == 0,
        (row, column) => (row * column % 2) + (row * column % 3) == 0,
        (row, column) => ((row * column % 2) + (row * column % 3)) % 2 == 0,
        (row, column) => (((row + column) % 2) + (row * column % 3)) % 2 == 0,
    ];

    /// <summary>Dark modules by row and column, without the quiet zone; null when the text is longer than 230 bytes.</summary>
    public static bool[,]? Encode(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);

        // Four bits of mode and eight of length go before.
        var version = Enumerable.Range(1, LargestVersion).FirstOrDefault(v => bytes.Length + 2 <= s_blocks[v].Data * s_blocks[v].Blocks);
        if (version == 0)
        {
            return null;
        }

        var codewords = Interleave(Data(bytes, s_blocks[version].Data * s_blocks[version].Blocks), version);
        bool[,]? best = null;
        var least = int.MaxValue;
        for (var mask = 0; mask < s_masks.Length; mask++)
        {
            var matrix = Draw(codewords, version, mask);
            if (Penalty(matrix) is var penalty && penalty < least)
            {
                (best, least) = (matrix, penalty);
            }
        }

        return best;
    }

    private static byte[] Data(byte[] bytes, int capacity)
    {
        // 0100 for bytes, the length, the bytes, 0000: all shifted by half a byte.
        var data = new byte[capacity];
        data[0] = (byte)(0x40 | (bytes.Length >> 4));
        data[1] = (byte)(bytes.Length << 4);
        for (var i = 0; i < bytes.Length; i++)
        {
            data[i + 1] |= (byte)(bytes[i] >> 4);
            data[i + 2] = (byte)(bytes[i] << 4);
        }

        for (var i = bytes.Length + 2; i < capacity; i++)
        {
            data[i] = (byte)((i - bytes.Length) % 2 == 0 ? 0xEC : 0x11);
        }

        return data;
    }

    private static byte[] Interleave(byte[] data, int version)
    {
        var (length, correction, blocks) = s_blocks[version];
        var result = new byte[(length + correction) * blocks];
        for (var block = 0; block < blocks; block++)
        {
            var part = data.AsSpan(block * length, length);
            var remainder = Correction(part, correction);
            for (var i = 0; i < length; i++)
            {
                result[(i * blocks) + block] = part[i];
            }

            for (var i = 0; i < correction; i++)
            {
                result[((length + i) * blocks) + block] = remainder[i];
            }
        }

        return result;
    }

    // Remainder after division by (x - 1)(x - 2)(x - 4)… over GF(256).
    private static byte[] Correction(ReadOnlySpan<byte> data, int degree)
    {
        var divisor = new byte[degree];
        divisor[degree - 1] = 1;
        byte root = 1;
        for (var i = 0; i < degree; i++)
        {
            for (var j = 0; j < degree; j++)
            {
                divisor[j] = (byte)(Multiply(divisor[j], root) ^ (j + 1 < degree ? divisor[j + 1] : 0));
            }

            root = Multiply(root, 2);
        }

        var remainder = new byte[degree];
        foreach (var value in data)
        {
            var factor = (byte)(value ^ remainder[0]);
            remainder.AsSpan(1).CopyTo(remainder);
            remainder[^1] = 0;
            for (var i = 0; i < degree; i++)
            {
                remainder[i] ^= Multiply(divisor[i], factor);
            }
        }

        return remainder;
    }

    // In GF(256) with the polynomial x^8 + x^4 + x^3 + x^2 + 1.
    private static byte Multiply(int left, int right)
    {
        var product = 0;
        for (var bit = 7; bit >= 0; bit--)
        {
            product = (product << 1) ^ ((product >> 7) * 0x11D);
            product ^= ((right >> bit) & 1) * left;
        }

        return (byte)product;
    }

    private static bool[,] Draw(byte[] codewords, int version, int mask)
    {
        var size = 17 + (4 * version);
        var (dark, taken) = (new bool[size, size], new bool[size, size]);
        Patterns(size, version, Set);
        Format(size, mask, Set);
        if (version >= 7)
        {
            Version(size, version, Set);
        }

        var bit = 0;
        for (var right = size - 1; right >= 1; right -= 2)
        {
            // Column 6 is the timing pattern's.
            right = right == 6 ? 5 : right;
            for (var step = 0; step < size; step++)
            {
                var row = ((right + 1) & 2) == 0 ? size - 1 - step : step;
                for (var column = right; column >= right - 1; column--)
                {
                    if (!taken[row, column])
                    {
                        var one = bit < codewords.Length * 8 && ((codewords[bit >> 3] >> (7 - (bit & 7))) & 1) == 1;
                        dark[row, column] = one ^ s_masks[mask](row, column);
                        bit++;
                    }
                }
            }
        }

        return dark;

        void Set(int row, int column, bool value)
        {
            if (row >= 0 && column >= 0 && row < size && column < size)
            {
                (dark[row, column], taken[row, column]) = (value, true);
            }
        }
    }

    private static void Patterns(int size, int version, Action<int, int, bool> set)
    {
        for (var i = 0; i < size; i++)
        {
            set(6, i, i % 2 == 0);
            set(i, 6, i % 2 == 0);
        }

        foreach (var (row, column) in ((int, int)[])[(3, 3), (3, size - 4), (size - 4, 3)])
        {
            Square(row, column, 4, distance => distance is not (2 or 4));
        }

        foreach (var row in s_alignment[version])
        {
            foreach (var column in s_alignment[version])
            {
                if (!((row == 6 && (column == 6 || column == size - 7)) || (row == size - 7 && column == 6)))
                {
                    Square(row, column, 2, distance => distance != 1);
                }
            }
        }

        void Square(int row, int column, int radius, Func<int, bool> isDark)
        {
            for (var down = -radius; down <= radius; down++)
            {
                for (var across = -radius; across <= radius; across++)
                {
                    set(row + down, column + across, isDark(Math.Max(Math.Abs(down), Math.Abs(across))));
                }
            }
        }
    }

    // Level L (01) and the mask with ten check bits, twice (section 7.9).
    private static void Format(int size, int mask, Action<int, int, bool> set)
    {
        var data = (1 << 3) | mask;
        var rest = data;
        for (var i = 0; i < 10; i++)
        {
            rest = (rest << 1) ^ ((rest >> 9) * 0x537);
        }

        var bits = ((data << 10) | rest) ^ 0x5412;
        for (var i = 0; i < 15; i++)
        {
            var one = ((bits >> i) & 1) == 1;
            set(i < 6 ? i : i < 8 ? i + 1 : size - 15 + i, 8, one);
            set(8, i < 8 ? size - 1 - i : i == 8 ? 7 : 14 - i, one);
        }

        set(size - 8, 8, true);
    }

    // The version with twelve check bits, twice (section 7.10).
    private static void Version(int size, int version, Action<int, int, bool> set)
    {
        var rest = version;
        for (var i = 0; i < 12; i++)
        {
            rest = (rest << 1) ^ ((rest >> 11) * 0x1F25);
        }

        var bits = (version << 12) | rest;
        for (var i = 0; i < 18; i++)
        {
            var one = ((bits >> i) & 1) == 1;
            set(size - 11 + (i % 3), i / 3, one);
            set(i / 3, size - 11 + (i % 3), one);
        }
    }

    // How hard it is to read (section 7.8.3): runs, blocks, what looks like a finder, and an uneven share of dark.
    private static int Penalty(bool[,] dark)
    {
        var size = dark.GetLength(0);
        var (penalty, count) = (0, 0);
        for (var i = 0; i < size; i++)
        {
            penalty += Line(column => dark[i, column]) + Line(row => dark[row, i]);
            for (var j = 0; j < size; j++)
            {
                count += dark[i, j] ? 1 : 0;
                penalty += i > 0 && j > 0 && dark[i, j] == dark[i - 1, j] && dark[i, j] == dark[i, j - 1] && dark[i, j] == dark[i - 1, j - 1] ? 3 : 0;
            }
        }

        return penalty + (Math.Abs((count * 20) - (size * size * 10)) / (size * size) * 10);

        int Line(Func<int, bool> at)
        {
            var (sum, run, window) = (0, 0, 0);
            for (var i = 0; i < size; i++)
            {
                run = i > 0 && at(i) == at(i - 1) ? run + 1 : 1;
                sum += run == 5 ? 3 : run > 5 ? 1 : 0;
                window = ((window << 1) | (at(i) ? 1 : 0)) & 0x7FF;
                sum += i >= 10 && window is 0b10111010000 or 0b00001011101 ? 40 : 0;
            }

            return sum;
        }
    }
}
