using System.Security.Cryptography;
using System.Text;

namespace CoScientist.Core.Runs;

/// <summary>One short value that changes whenever the rubrics a run uses change.</summary>
public static class RubricFingerprint
{
    /// <summary>SHA-256, lower-case hexadecimal, over every goal's id and rubric version and every item's id and wording, in the order and split in which the run uses them.</summary>
    public static string Of(RunData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (split, goals) in new[] { ("train", data.Train), ("validation", data.Validation), ("test", data.Test) })
        {
            Append(hash, split, goals.Count);
            foreach (var goal in goals)
            {
                Append(hash, goal.Id, goal.RubricVersion);
                Append(hash, "items", goal.Items.Count);
                foreach (var item in goal.Items)
                {
                    Append(hash, item.Id, item.Order);
                    Append(hash, item.Text, 0);
                }
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    // Lengths go in first, so that no two different sequences write the same bytes.
    private static void Append(IncrementalHash hash, string text, int number)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> head = stackalloc byte[8];
        BitConverter.TryWriteBytes(head, bytes.Length);
        BitConverter.TryWriteBytes(head[4..], number);
        hash.AppendData(head);
        hash.AppendData(bytes);
    }
}
