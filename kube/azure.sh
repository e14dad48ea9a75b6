#!/bin/sh
# Prints the manifests of one installation on Azure: the overlay, with this subscription's values.
#
#   IMAGE=... TAG=... PUBLIC_URL=... KEY_VAULT=... TENANT_ID=... CLIENT_ID=... DNS_LABEL=... \
#     sh kube/azure.sh | kubectl apply -f -
#
# COMPONENTS names the folders of kube/components to add, for example "gateway retention"; none is
# "none". Whoever applies the manifests again, the pipeline included, has to name the same ones.
set -eu
: "${IMAGE:?is the name of the image, without its tag}" "${TAG:?is the tag of the image}"
: "${PUBLIC_URL:?is the address that guests type}" "${DNS_LABEL:?is the first part of its name}"
: "${KEY_VAULT:?is the name of the key vault}" "${TENANT_ID:?is the id of its tenant}"
: "${CLIENT_ID:?is the client id of the identity that may read it}"

cd "$(dirname "$0")/overlays"
refuse() { echo "azure.sh: $1" >&2; exit 1; }
[ "${COMPONENTS:-none}" != none ] || COMPONENTS=
for name in $COMPONENTS; do
    # A variable that the pipeline's library lacks arrives as its own name: $(components).
    [ -d "../components/$name" ] || refuse "COMPONENTS: kube/components has no $name"
done
# Only the gateway has TLS, and with it cookies are for https only.
case " $COMPONENTS " in
    *" gateway "*) scheme=https ;;
    *) scheme=http ;;
esac
[ "${PUBLIC_URL%%:*}" = $scheme ] ||
    refuse "PUBLIC_URL is $PUBLIC_URL: https needs the gateway in COMPONENTS, and it needs https"

# kustomize resolves paths from its file's folder, so the temporary file must be beside the overlay.
made=$(mktemp -d ./made-XXXXXX)
trap 'rm -r "$made"' EXIT
# The name belongs to the public address, which is the gateway's if there is one.
label="service.beta.kubernetes.io/azure-dns-label-name: \"$DNS_LABEL\""
case " ${COMPONENTS:-} " in
    *" gateway "*)
        named="{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: lct},
          spec: {infrastructure: {annotations: {$label}}}}" ;;
    *) named="{apiVersion: v1, kind: Service, metadata: {name: lct, annotations: {$label}}}" ;;
esac
{
    cat <<END
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: lct
resources: [../azure]
components: [$(for name in ${COMPONENTS:-}; do printf '../../components/%s, ' "$name"; done)]
images:
  - {name: lct, newName: "$IMAGE", newTag: "$TAG"}
  # docs/deploy.md copies it into the same registry: a pod that moves must not depend on another one.
  - {name: redis, newName: "${IMAGE%/*}/redis"}
configMapGenerator:
  - name: lct-config
    behavior: merge
    literals: ["LCT_PUBLIC_URL=$PUBLIC_URL"]
patches:
  - patch: |
      apiVersion: secrets-store.csi.x-k8s.io/v1
      kind: SecretProviderClass
      metadata: {name: lct}
      spec: {parameters: {keyvaultName: "$KEY_VAULT", tenantId: "$TENANT_ID", clientID: "$CLIENT_ID"}}
  - patch: |
      $named
END
} > "$made/kustomization.yaml"
kubectl kustomize "$made"
