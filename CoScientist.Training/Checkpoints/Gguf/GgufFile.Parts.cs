using CoScientist.Core;

namespace CoScientist.Training.Checkpoints.Gguf;

/// <content>A model in several files, NAME-00001-of-00003.gguf and so on. The first holds the metadata of all; each has tensors of its own.</content>
internal sealed partial class GgufFile
{
    // Five digits hold the number of a part.
    private const int MostParts = 99_999;

    private readonly List<GgufFile> parts = [];

    /// <summary>Opens the other parts, where there are such, and takes their tensors.</summary>
    private void JoinParts()
    {
        var count = Whole("split.count") ?? 1;
        if (count <= 1)
        {
            return;
        }

        var ending = Ending(1, count);
        if (count > MostParts || Whole("split.no") is not (null or 0) || !Path.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
        {
            throw Fault($"it is part {(Whole("split.no") ?? 0) + 1L} of {count}; give the first, whose name ends in {ending}, with the others beside it");
        }

        List<StoredTensor> all = [.. Tensors];
        var names = all.Select(tensor => tensor.Spec.Name).ToHashSet(StringComparer.Ordinal);
        for (var number = 2; number <= count; number++)
        {
            var path = Path[..^ending.Length] + Ending(number, count);
            if (!File.Exists(path))
            {
                throw Fault($"its part {path} is missing; copy all {count} parts into one folder");
            }

            var part = OpenPart(path);
            parts.Add(part);
            if (part.Whole("split.no") != number - 1 || part.Whole("split.count") != count)
            {
                throw part.Fault($"it does not say that it is part {number} of {count}; copy all parts again");
            }

            if (part.Tensors.FirstOrDefault(tensor => !names.Add(tensor.Spec.Name)) is { } twice)
            {
                throw part.Fault($"tensor '{FileText.Shown(twice.Spec.Name)}' is in an earlier part too; copy all parts again");
            }

            all.AddRange(part.Tensors);
        }

        Tensors = Whole("split.tensors.count") is not { } expected || expected == all.Count
            ? all
            : throw Fault($"it says that its parts hold {expected} tensors, and they hold {all.Count}; copy all parts again");
    }

    private static string Ending(int number, int count) => $"-{number:D5}-of-{count:D5}{Extension}";
}
