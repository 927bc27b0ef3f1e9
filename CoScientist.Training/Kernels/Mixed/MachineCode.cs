using System.Runtime.InteropServices;

namespace CoScientist.Training.Kernels.Mixed;

/// <summary>What a tile works on; offsets are what the machine code reads, strides are in bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TileCall
{
    /// <summary>+0: first pair of the left side.</summary>
    public ushort* Left;

    /// <summary>+8: between its rows.</summary>
    public nint LeftRow;

    /// <summary>+16: between its pairs (4 for matrix tiles).</summary>
    public nint LeftPair;

    /// <summary>+24: panel of the right side.</summary>
    public ushort* Right;

    /// <summary>+32: pairs of inner indices (a multiple of 16 for matrix tiles).</summary>
    public nint Pairs;

    /// <summary>+40: result.</summary>
    public float* Result;

    /// <summary>+48: between its rows.</summary>
    public nint ResultRow;

    /// <summary>+56: not 0 adds to the result (matrix tiles; dot-product tiles have an entry for each).</summary>
    public nint Accumulate;
}

/// <summary>
/// Machine code emitted into one block of memory, which is writable while it is filled and executable after, never both.
/// Entries follow the System V calling convention, use only registers that the callee may change, and call nothing.
/// </summary>
internal sealed unsafe partial class MachineCode
{
    private const int Size = 16 * 1024;
    private const int ReadWrite = 3;
    private const int ReadExecute = 5;
    private const int PrivateAnonymous = 0x22;

    // Registers by number.
    private const int Rax = 0;
    private const int Rcx = 1;
    private const int Rsi = 6;
    private const int R9 = 9;
    private const int R10 = 10;
    private const int R11 = 11;

    private readonly List<byte> code = [];
    private byte* start;

    /// <summary>Makes what was emitted executable. It stays for the life of the process.</summary>
    /// <exception cref="InvalidOperationException">The operating system refuses.</exception>
    public void Seal()
    {
        var memory = MapMemory(0, Size, ReadWrite, PrivateAnonymous, -1, 0);
        if (memory == -1)
        {
            throw new InvalidOperationException("no memory for it");
        }

        CollectionsMarshal.AsSpan(code).CopyTo(new Span<byte>((void*)memory, Size));
        if (ProtectMemory(memory, Size, ReadExecute) != 0)
        {
            throw new InvalidOperationException("memory cannot be made executable");
        }

        start = (byte*)memory;
    }

    /// <summary>Address of an entry, after <see cref="Seal"/>.</summary>
    public nint Entry(int offset) => (nint)(start + offset);

    /// <summary>
    /// Emits a tile of <paramref name="rows"/> × 32 accumulators for VDPBF16PS, at most 12 rows: zmm(2i) and zmm(2i+1) hold
    /// row i, zmm30 and zmm31 a row of the panel, and each pair of the left side is broadcast from memory.
    /// </summary>
    /// <returns>Offset of its entry, which takes a <see cref="TileCall"/> in rdi.</returns>
    public int DotProductTile(int rows, bool accumulate)
    {
        var entry = Align();
        var half = (rows + 1) / 2;
        if (accumulate)
        {
            Results(rows, load: true);
        }
        else
        {
            for (var i = 0; i < 2 * rows; i++)
            {
                Evex(prefix: 1, map: 1, opcode: 0xEF, register: i, second: i); // vpxord zmm(i), zmm(i), zmm(i)
                code.Add((byte)(0xC0 | ((i & 7) << 3) | (i & 7)));
            }
        }

        Bytes(0x48, 0x8B, 0x07); // mov rax, [rdi]            rows of the left side from the first
        Bytes(0x48, 0x8B, 0x77, 0x08); // mov rsi, [rdi+8]
        Bytes(0x48, 0x8B, 0x57, 0x10); // mov rdx, [rdi+16]
        Bytes(0x48, 0x8B, 0x4F, 0x18); // mov rcx, [rdi+24]
        Bytes(0x4C, 0x8B, 0x47, 0x20); // mov r8, [rdi+32]
        Bytes(0x4C, 0x8D, 0x0C, 0x76); // lea r9, [rsi+rsi*2]
        Bytes(0x4C, 0x8D, 0x14, 0xB6); // lea r10, [rsi+rsi*4]
        Bytes(0x4C, 0x6B, 0xDE, (byte)half); // imul r11, rsi, half
        Bytes(0x49, 0x01, 0xC3); // add r11, rax                rows from the middle one
        var loop = code.Count;
        Move(load: true, 30, Rcx, 0); // vmovups zmm30, [rcx]
        Move(load: true, 31, Rcx, 1); // vmovups zmm31, [rcx+64]
        for (var i = 0; i < rows; i++)
        {
            var (first, row) = i < half ? (Rax, i) : (R11, i - half);
            DotProduct(2 * i, 30, first, row);
            DotProduct((2 * i) + 1, 31, first, row);
        }

        Bytes(0x48, 0x01, 0xD0); // add rax, rdx
        Bytes(0x49, 0x01, 0xD3); // add r11, rdx
        Bytes(0x48, 0x83, 0xE9, 0x80); // sub rcx, -128
        Bytes(0x49, 0xFF, 0xC8); // dec r8
        Bytes(0x0F, 0x85); // jnz loop
        code.AddRange(BitConverter.GetBytes(loop - (code.Count + 4)));
        Results(rows, load: false);
        Bytes(0xC5, 0xF8, 0x77); // vzeroupper
        Bytes(0xC3); // ret
        return entry;
    }

    /// <summary>Emits the four entries for AMX: tiles of up to 32 and up to 16 rows, which take a <see cref="TileCall"/>, configuration, and release.</summary>
    public (int Tiles32, int Tiles16, int Configure, int Release) MatrixTiles() =>
        (Append(Tiles32Bytes), Append(Tiles16Bytes), Append(ConfigureBytes), Append(ReleaseBytes));

    private int Append(ReadOnlySpan<byte> bytes)
    {
        var entry = Align();
        code.AddRange(bytes);
        return entry;
    }

    /// <summary>vdpbf16ps zmm(accumulator), zmm(right), dword [base + row·rsi] {1to16}</summary>
    private void DotProduct(int accumulator, int right, int first, int row)
    {
        // Multiples of the row stride: 1, 2 and 4 times rsi, r9 = 3·rsi, r10 = 5·rsi.
        var (index, scale) = row switch { 1 => (Rsi, 0), 2 => (Rsi, 1), 3 => (R9, 0), 4 => (Rsi, 2), 5 => (R10, 0), _ => (-1, 0) };
        Evex(prefix: 2, map: 2, opcode: 0x52, accumulator, right, first, Math.Max(index, 0), broadcast: true);
        if (index < 0)
        {
            code.Add((byte)(((accumulator & 7) << 3) | (first & 7)));
            return;
        }

        code.Add((byte)(((accumulator & 7) << 3) | 4));
        code.Add((byte)((scale << 6) | ((index & 7) << 3) | (first & 7)));
    }

    /// <summary>Loads or stores all accumulators, row by row.</summary>
    private void Results(int rows, bool load)
    {
        Bytes(0x48, 0x8B, 0x47, 0x28); // mov rax, [rdi+40]
        Bytes(0x48, 0x8B, 0x57, 0x30); // mov rdx, [rdi+48]
        for (var i = 0; i < rows; i++)
        {
            Move(load, 2 * i, Rax, 0);
            Move(load, (2 * i) + 1, Rax, 1);
            Bytes(0x48, 0x01, 0xD0); // add rax, rdx
        }
    }

    /// <summary>vmovups between a register and [base + 64·vectors].</summary>
    private void Move(bool load, int register, int first, int vectors)
    {
        Evex(prefix: 0, map: 1, opcode: load ? 0x10 : 0x11, register, first: first);
        code.Add((byte)(0x40 | ((register & 7) << 3) | (first & 7)));
        code.Add((byte)vectors);
    }

    /// <summary>The prefix of a 512-bit instruction and its opcode; for a register as third operand the base stands for nothing and <paramref name="second"/> is it too.</summary>
    private void Evex(int prefix, int map, int opcode, int register, int second = 0, int first = -1, int index = 0, bool broadcast = false)
    {
        var (lowBase, highBase) = first >= 0 ? (first >> 3, index >> 3) : (second >> 3, second >> 4);
        Bytes(
            0x62,
            (byte)(((~(register >> 3) & 1) << 7) | ((~highBase & 1) << 6) | ((~lowBase & 1) << 5) | ((~(register >> 4) & 1) << 4) | map),
            (byte)(((~second & 15) << 3) | 4 | prefix),
            (byte)(0x40 | (broadcast ? 0x10 : 0) | ((~(second >> 4) & 1) << 3)),
            (byte)opcode);
    }

    private int Align()
    {
        while (code.Count % 32 != 0)
        {
            code.Add(0xCC);
        }

        return code.Count;
    }

    private void Bytes(params ReadOnlySpan<byte> bytes) => code.AddRange(bytes);

    [LibraryImport("libc", EntryPoint = "mmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint MapMemory(nint address, nint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int ProtectMemory(nint address, nint length, int protection);
}
